internal import ResilienceCore
internal import Synchronization

/// What a module puts in the place of a policy's layers: the gate, and behind it the layers that are in force.
///
/// The layers can be replaced while calls run. A call ends under those it began with; they are released after its end.
final class ManagedPolicy: Strategy, CallEntrance {
    /// Layers, and how those of them that documents can describe are retuned.
    final class Pipeline: Sendable {
        let policy: Policy
        let tunings: [Tuning]
        /// What a document says the layers are; `nil` for those that code declared.
        let specs: [LayerSpec]?

        init(_ policy: Policy, _ tunings: [Tuning], specs: [LayerSpec]? = nil) {
            self.policy = policy
            self.tunings = tunings
            self.specs = specs
        }

        /// Reads the layers when no call runs through them any more.
        private let history = Lock<MetricHistory?>(nil)

        func recordAtEnd(_ history: MetricHistory) { self.history.withLock { $0 = history } }

        deinit {
            history.withLock { $0 }?.readForTheLastTime(policy.layers.map(\.component))
        }
    }

    /// One layer as a document describes it.
    struct LayerSpec: Sendable {
        let key: String
        /// The name of what it shares, registered for itself.
        let shared: String?
    }

    /// The layers it began with.
    let declared: Pipeline

    private let name: String
    private let module: String
    private let gate: AdmissionGate
    private let current: Lock<Pipeline>
    /// Whether ``current`` was ever another than ``declared``. Relaxed: a call that begins while the layers are
    /// replaced may go through the old ones or the new ones.
    private let isReplaced = Atomic(false)
    /// The observers that were added to the policy, for layers that come later.
    private let observers = Lock<[any PolicyObserver]>([])

    init(_ policy: Policy, _ tunings: [Tuning]? = nil, _ gate: GateAccess) {
        name = gate.policyName
        module = gate.module
        self.gate = gate.gate
        declared = Pipeline(policy, tunings ?? policy.tunings)
        current = Lock(declared)
    }

    /// A policy that only a document describes: nothing is declared, so that nothing is kept once the document changes.
    init(described policy: Policy, _ tunings: [Tuning], _ specs: [LayerSpec], _ gate: GateAccess) {
        name = gate.policyName
        module = gate.module
        self.gate = gate.gate
        declared = Pipeline(Policy(policy, layers: LayerList(strategies: [])), [])
        current = Lock(Pipeline(policy, tunings, specs: specs))
        isReplaced.store(true, ordering: .relaxed)
    }

    /// The layers in force.
    var pipeline: Pipeline { isReplaced.load(ordering: .relaxed) ? current.withLock { $0 } : declared }

    func replace(with pipeline: Pipeline) {
        // The old one is released outside the lock: what it owns may be the user's.
        let old = current.withLock { current in
            defer { current = pipeline }
            isReplaced.store(true, ordering: .relaxed)
            return current
        }
        guard old !== pipeline else { return }
        for observer in observers.withLock({ $0 }) { pipeline.policy.addObserverToLayers(observer) }
    }

    /// The layers in force that are not in force any more under others.
    ///
    /// - Returns: The objects: of a layer that is a way into one, such as the partition of a bulkhead, that one.
    func layersLeaving(for pipeline: Pipeline) -> [any Sendable] {
        let old = self.pipeline
        guard old !== pipeline else { return [] }
        let staying = pipeline.policy.layers.compactMap { MetricHistory.object($0.component) }
        return old.policy.layers.map(\.component).filter { component in
            guard let object = MetricHistory.object(component) else { return false }
            return !staying.contains { $0 === object }
        }
    }

    func execute(
        _ context: Context, _ next: (Context) async throws -> Void
    ) async throws {
        // Held to the end: what is held by no call is read for the last time.
        let pipeline = pipeline
        defer { withExtendedLifetime(pipeline) {} }
        try await admit(name) {
            try await pipeline.policy.executeLayers(context, next)
        }
    }

    func admit(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        guard try await gate.admit(body) else { throw refusal(name) }
    }

    func admitIfOpen(_ body: nonisolated(nonsending) () async throws -> Void) async throws -> Bool {
        try await gate.admit(body)
    }

    private func refusal(_ name: String) -> any Error {
        ResilienceModule.ShutdownError(module: module, policyName: name)
    }

    var layers: [LayerDescription] { pipeline.policy.layers }

    /// Adds an observer of the layers, also of those that are not in force now. An object that hears already is not
    /// added again, neither here nor by any layer.
    func addObserver(_ observer: any PolicyObserver) {
        let observer = ObserverBox.boxed(observer)
        let isNew = observers.withLock { observers in
            guard !observers.contains(where: { $0 as AnyObject === observer as AnyObject }) else { return false }
            observers.append(observer)
            return true
        }
        guard isNew else { return }
        declared.policy.addObserverToLayers(observer)
        let pipeline = pipeline
        if pipeline !== declared { pipeline.policy.addObserverToLayers(observer) }
    }

    func collect(into metrics: inout MetricCollection) { metrics.collect(pipeline.policy) }
}

/// What a policy needs to stand behind the gate of a module.
struct GateAccess: Sendable {
    let gate: AdmissionGate
    /// What the module and the policy are called in the error of a refused call.
    let module: String
    let policyName: String
}
