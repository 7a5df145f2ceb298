/// Where the nodes of a fleet meet to share the state of their circuits.
///
/// A store is a place and a few rules, the same in each: ``SharedCircuitRecord`` has them as a pure value, for stores
/// that can hold one and change it in one step. A store over a network has them as a script.
///
/// Nothing that a call waits for asks a store. It may be slow and may fail; it must answer or throw in bounded time.
/// All members may be used from any task at once.
public protocol CircuitStore: Sendable {
    /// Merges what a node has counted, does what it asks for, decides whether the fleet's circuit opens, and tells what
    /// is known then. One atomic step: two nodes' exchanges come one after the other.
    ///
    /// The same report may come twice, and reports of a node in another order than they were sent.
    ///
    /// - Throws: `SharedStateError`. Something new is no error.
    func exchange(_ report: CircuitReport) async throws -> SharedCircuit

    /// Tells each change of the phase of some circuits as it happens, from any node, until the task is cancelled.
    ///
    /// It may miss some, while a connection is lost for example: nodes ask from time to time in any case.
    ///
    /// - Parameters:
    ///   - circuits: The names of the circuits.
    ///   - onChange: Called with a name and the state, one after the other.
    /// - Throws: `SharedStateError` when it cannot listen any longer; `CancellationError` once cancelled.
    func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws
}

/// What a node tells a store about one circuit, and what it asks for.
public struct CircuitReport: Sendable, Hashable {
    /// The circuit's name: the same on all nodes. Any text.
    public var circuit: String

    /// The node's name: no two that live at the same time have the same, and one that restarts takes a new one.
    public var node: String

    /// The fleet's rule, as this node has it.
    public var rule: SharedCircuitRule

    /// What was counted in parts of time that have changed since the store last knew them.
    public var slots: [Slot]

    /// The newest state this node knows, so that a store that was emptied learns it again.
    public var known: SharedCircuit

    /// What the node asks for.
    public var request: Request

    /// What a node has counted in a part of time.
    public struct Slot: Sendable, Hashable {
        /// Which part, as this node numbers them: each later one has a higher number.
        public var number: Int64
        /// How long ago it began.
        public var age: Duration
        /// All that was counted in it so far, not only what is new. The greater figure wins where two reports differ.
        public var counts: SharedCounts

        /// Creates what was counted in a part of time.
        public init(number: Int64, age: Duration, counts: SharedCounts) {
            (self.number, self.age, self.counts) = (number, age, counts)
        }
    }

    /// What a node asks for.
    ///
    /// Each change of the phase is made by a node that knows the newest epoch: a request with an older ``known``
    /// changes nothing, and neither does the same request that comes again. The node sees that by the state that comes
    /// back, and asks once more.
    public enum Request: Sendable, Hashable {
        /// Nothing but to know.
        case nothing
        /// To be the node that probes, if the break is over and no other node probes: for at most this long, 1 ms to 1
        /// hour.
        case lease(Duration)
        /// The probes have shown that the service works: close. Only for the node that holds the lease of this epoch.
        case succeeded(epoch: Int64)
        /// The probes have shown that it does not: open again. Only for the node that holds the lease of this epoch.
        case failed(epoch: Int64)
        /// There were no calls to probe with: let other nodes probe. Only for the node that holds the lease of this
        /// epoch.
        case giveUp(epoch: Int64)
        /// Open, or restart the break, for this long, whatever was counted; 1 ms to 366 days.
        case open(Duration)
        /// Close, whatever was counted, and reset the counts.
        case close
    }

    /// Creates a report.
    public init(
        circuit: String, node: String, rule: SharedCircuitRule, slots: [Slot] = [], known: SharedCircuit = .new,
        request: Request = .nothing
    ) {
        (self.circuit, self.node, self.rule) = (circuit, node, rule)
        (self.slots, self.known, self.request) = (slots, known, request)
    }
}

/// Ended calls that say something about the service.
public struct SharedCounts: Sendable, Hashable {
    /// Successes and failures.
    public var calls: Int
    /// Failures.
    public var failures: Int
    /// Slow ones of either.
    public var slow: Int

    /// Creates counts.
    public init(calls: Int = 0, failures: Int = 0, slow: Int = 0) {
        (self.calls, self.failures, self.slow) = (calls, failures, slow)
    }
}

/// The state of a circuit as a fleet shares it.
public struct SharedCircuit: Sendable, Hashable {
    /// What the fleet's circuit does.
    public enum Phase: Sendable, Hashable {
        /// Calls go through.
        case closed
        /// No calls go through for this long. Zero once the break is over and no node probes yet.
        case open(remaining: Duration)
        /// One node probes: it holds the lease for this long at most.
        case probing(node: String, remaining: Duration)
    }

    /// What the circuit does.
    public var phase: Phase

    /// Grows with each change of the phase: of two states the one with the greater number is newer. Zero: never
    /// changed.
    public var epoch: Int64

    /// How often in a row it has opened, up to now.
    public var consecutiveOpens: Int

    /// What the fleet has counted in the window, each node's share cut to its limit. While the circuit is not closed,
    /// what it had counted when it opened.
    public var counts: SharedCounts

    /// The nodes that have counted calls in the window.
    public var nodes: Int

    /// How many of them see the service fail by themselves.
    public var witnesses: Int

    /// Whether the store knew no counts of this node before this exchange, as a store does that was emptied: the node
    /// sends all that is in its window.
    public var wasEmpty: Bool

    /// Creates a state.
    public init(
        _ phase: Phase, epoch: Int64, consecutiveOpens: Int = 0, counts: SharedCounts = SharedCounts(), nodes: Int = 0,
        witnesses: Int = 0, wasEmpty: Bool = false
    ) {
        (self.phase, self.epoch, self.consecutiveOpens) = (phase, epoch, consecutiveOpens)
        (self.counts, self.nodes, self.witnesses, self.wasEmpty) = (counts, nodes, witnesses, wasEmpty)
    }

    /// A circuit that was never used.
    public static let new = SharedCircuit(.closed, epoch: 0)
}

/// When a fleet opens a circuit together, and for how long.
public struct SharedCircuitRule: Sendable, Hashable {
    /// What has to hold of the fleet's counts.
    public enum Trip: Sendable, Hashable {
        /// At least this many failures in the window; 1 or more.
        case failures(Int)
        /// At least this share of failures, above 0 and at most 1, of at least this many calls in the window.
        case failureRate(Double, minimumCalls: Int)
        /// At least this share of slow calls, above 0 and at most 1, of at least this many calls in the window.
        case slowCallRate(Double, minimumCalls: Int)
    }

    /// What has to hold of the fleet's counts. Default: half of at least 100 calls fail.
    public var trip: Trip

    /// How far the fleet looks back, 100 ms to 1 hour. Default: 10 s.
    public var window: Duration

    /// How many nodes have to see it by themselves, at least; 1 to 4096. A smaller fleet never opens together: each
    /// node opens by its own rule. Default: 2.
    public var minimumNodes: Int

    /// The share of the nodes with calls in the window that have to see it by themselves, 0 to 1. Default: 0.5.
    public var minimumShare: Double

    /// The greatest share of the fleet's counts that one node has, above 0 and at most 1: what is over is not counted.
    /// A node alone then counts for nothing, unless this is 1. Default: 0.5.
    public var maxNodeShare: Double

    /// How long the breaks are. Default: 5 s, doubled each time in a row, up to 60 s.
    public var breakLength: BreakLength

    /// Creates a rule; every part has a default.
    public init(
        trip: Trip = .failureRate(0.5, minimumCalls: 100), window: Duration = .seconds(10), minimumNodes: Int = 2,
        minimumShare: Double = 0.5, maxNodeShare: Double = 0.5, breakLength: BreakLength = .growing()
    ) {
        (self.trip, self.window, self.minimumNodes) = (trip, window, minimumNodes)
        (self.minimumShare, self.maxNodeShare, self.breakLength) = (minimumShare, maxNodeShare, breakLength)
    }
}
