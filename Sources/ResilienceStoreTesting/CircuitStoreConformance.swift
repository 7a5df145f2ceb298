public import CircuitBreakers
internal import ResilienceCore

/// Checks that a store of circuits does what the nodes of a fleet rely on.
///
/// For any test framework: it returns what it found.
///
/// ```swift
/// let violations = await CircuitStoreConformance(store).violations()
/// #expect(violations.isEmpty)
/// ```
///
/// It uses circuits of names that nothing else uses, and leaves them behind. With a store over a network it takes about
/// a second.
public struct CircuitStoreConformance: Sendable {
    let store: any CircuitStore
    let prefix: String
    let seed: UInt64
    let wait: @Sendable (Duration) async throws -> Void
    let patience: Duration

    /// Prepares the checks of a store.
    ///
    /// - Parameters:
    ///   - store: The store, which works.
    ///   - seed: Which random reports are made; told with what they find. Default: others each time.
    ///   - patience: How long to wait for a change to be told. Default: a minute, which only a store that does not tell
    ///     it takes; less may not be enough where many tests run at once.
    ///   - wait: Lets time pass for the store. Default: sleeps.
    public init(
        _ store: any CircuitStore, seed: UInt64 = .random(in: 1...UInt64.max), patience: Duration = .seconds(60),
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        (self.store, self.seed, self.patience, self.wait) = (store, seed, patience, wait)
        prefix = "conformance \(seed) "
    }

    /// Makes all checks.
    ///
    /// - Returns: What does not hold. Empty for a store that is as it has to be.
    public func violations() async -> [StoreViolation] {
        var found: [StoreViolation] = []
        for (rule, body) in checks {
            do {
                if let seen = try await body(self) { found.append(StoreViolation(rule, found: seen)) }
            } catch {
                found.append(StoreViolation(rule, found: "the store threw \(error)"))
            }
        }
        return found
    }

    typealias Check = @Sendable (CircuitStoreConformance) async throws -> String?

    private var checks: [(rule: String, body: Check)] {
        [
            (
                "A circuit that nobody has used is closed, of epoch 0, and empty, and that is no error",
                { try await $0.new() }
            ),
            ("Reports are merged, weighed and judged as SharedCircuitRecord does it", { try await $0.random() }),
            ("Exchanges of several nodes at once lose nothing, and the circuit opens once", { try await $0.atomic() }),
            ("One of several nodes that ask at once gets the lease", { try await $0.oneLease() }),
            (
                "Nodes that are there and silent count in the quorum until they are heard",
                { try await $0.silentNodes() }
            ),
            ("What is older than the window is not counted", { try await $0.window() }),
            ("A break lasts as long as the rule says, and the next is longer", { try await $0.breaks() }),
            (
                "A lease ends by the store's clock, and its holder's verdict is void from then on",
                { try await $0.leases() }
            ),
            ("Circuits and nodes of any names are kept apart", { try await $0.names() }),
            (
                "Changes of the phase are told while they are listened to, and of no other circuit",
                { try await $0.changes() }
            ),
            ("Listening ends with CancellationError once it is cancelled", { try await $0.cancelled() }),
        ]
    }

    // MARK: Asking

    func report(
        _ circuit: String, _ node: String, _ rule: SharedCircuitRule = .six, slots: [CircuitReport.Slot] = [],
        known: SharedCircuit = .new, _ request: CircuitReport.Request = .nothing
    ) -> CircuitReport {
        CircuitReport(
            circuit: prefix + circuit, node: node, rule: rule, slots: slots, known: known, request: request)
    }

    func ask(
        _ circuit: String, _ node: String, _ rule: SharedCircuitRule = .six, slots: [CircuitReport.Slot] = [],
        known: SharedCircuit = .new, _ request: CircuitReport.Request = .nothing
    ) async throws -> SharedCircuit {
        try await store.exchange(report(circuit, node, rule, slots: slots, known: known, request))
    }

    /// A circuit whose break is over: known to all by the epoch.
    static func over(_ epoch: Int64) -> SharedCircuit { SharedCircuit(.open(remaining: .zero), epoch: epoch) }
}

extension SharedCircuitRule {
    /// Six failures, on two nodes at least, for an hour.
    static let six = SharedCircuitRule(
        trip: .failures(6), window: .seconds(3600), minimumShare: 0,
        breakLength: .growing(from: .seconds(3600), upTo: .seconds(86_400)))
}

extension CircuitReport.Slot {
    init(_ number: Int64 = 1, age: Duration = .zero, calls: Int? = nil, failures: Int = 0, slow: Int = 0) {
        self.init(
            number: number, age: age,
            counts: SharedCounts(calls: calls ?? failures, failures: failures, slow: slow))
    }
}

extension SharedCircuit {
    /// The node that probes.
    var holder: String? { if case .probing(let node, _) = phase { node } else { nil } }

    /// What is left of the break or the lease.
    var rest: Duration? {
        switch phase {
        case .closed: nil
        case .open(let rest), .probing(_, let rest): rest
        }
    }

    var isOpen: Bool { if case .open = phase { true } else { false } }

    /// All but what is left of the break or lease, which takes its time.
    var signature: String {
        let phase =
            switch phase {
            case .closed: "closed"
            case .open(let rest): rest == .zero ? "open without rest" : "open"
            case .probing(let node, _): "probing by \(node)"
            }
        return "\(phase), epoch \(epoch), opened \(consecutiveOpens) times, \(counts.calls) calls, "
            + "\(counts.failures) failures, \(counts.slow) slow, \(nodes) nodes, \(witnesses) witnesses"
            + (wasEmpty ? ", was empty" : "")
    }
}
