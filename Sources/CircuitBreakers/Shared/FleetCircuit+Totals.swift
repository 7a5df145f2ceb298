internal import ResilienceCore

extension FleetCircuit {
    /// What this node has done in its life. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Exchanges with the store that succeeded.
        public internal(set) var exchanges = 0
        /// Exchanges that failed or took too long.
        public internal(set) var failedExchanges = 0
        /// How often the store was away.
        public internal(set) var outages = 0
        /// How often this node was the one that probes.
        public internal(set) var leases = 0
        /// How often it has seen the fleet's circuit open.
        public internal(set) var opened = 0

        /// The sums of two totals, for example of several circuits.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }

    /// What this node has done in its life.
    public var totals: Totals { state.withLock { $0.totals } }
}

extension FleetCircuit.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.exchanges, \.failedExchanges, \.outages, \.leases, \.opened]
    }
}
