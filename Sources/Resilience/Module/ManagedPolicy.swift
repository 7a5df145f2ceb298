internal import ResilienceCore

/// What a module puts in the place of a policy's layers: the gate, and behind it the layers that are in force.
///
/// The layers can be replaced while calls run. A call ends under those it began with; they are released after its end.
final class ManagedPolicy: Strategy {
    /// Layers, and how those of them that documents can describe are retuned.
    struct Pipeline: Sendable {
        let policy: Policy
        let tunings: [Tuning]
    }

    /// The layers it began with.
    let declared: Pipeline

    private let gate: AdmissionGate
    private let refusal: @Sendable () -> any Error
    private let current: Lock<Pipeline>

    init(_ policy: Policy, tunings: [Tuning]? = nil, gate: AdmissionGate, refusal: @escaping @Sendable () -> any Error)
    {
        let tunings = tunings ?? policy.layers.compactMap { ($0.strategy as? any Pattern).map { Tuning($0) } }
        self.gate = gate
        self.refusal = refusal
        declared = Pipeline(policy: policy, tunings: tunings)
        current = Lock(declared)
    }

    /// The layers in force.
    var pipeline: Pipeline { current.withLock { $0 } }

    func replace(with pipeline: Pipeline) {
        // The old one is released outside the lock: what it owns may be the user's.
        let old = current.withLock { current in
            defer { current = pipeline }
            return current
        }
        _ = old
    }

    func execute(
        _ context: Context, _ next: (Context) async throws -> Void
    ) async throws {
        let policy = pipeline.policy
        try await gate.admit(refusal: refusal) {
            try await policy.executeLayers(context, next)
        }
    }

    var layers: [LayerDescription] { pipeline.policy.layers }

    func addObserver(_ observer: any PolicyObserver) { pipeline.policy.addObserverToLayers(observer) }
}
