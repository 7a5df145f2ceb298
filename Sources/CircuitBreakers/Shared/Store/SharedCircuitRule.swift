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
