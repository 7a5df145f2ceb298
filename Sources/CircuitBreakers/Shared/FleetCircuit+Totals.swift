internal import ResilienceCore

extension FleetCircuit {
    /// The totals of this node since the circuit was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Exchanges with the store that succeeded.
        public internal(set) var succeededExchanges = 0
        /// Exchanges that failed or took too long.
        public internal(set) var failedExchanges = 0
        /// How often the store was away.
        public internal(set) var outages = 0
        /// How often this node was the one that probes.
        public internal(set) var leases = 0
        /// How often it has seen the fleet's circuit open.
        public internal(set) var opened = 0

        /// Every exchange with the store.
        public var exchanges: Int { succeededExchanges.addingSaturated(failedExchanges) }

        /// The sums of two totals, for example of several circuits.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension FleetCircuit.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.succeededExchanges, \.failedExchanges, \.outages, \.leases, \.opened]
    }
}
