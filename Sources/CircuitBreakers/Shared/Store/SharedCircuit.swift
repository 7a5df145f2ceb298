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
