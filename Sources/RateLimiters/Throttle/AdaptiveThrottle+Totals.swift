internal import ResilienceCore

extension AdaptiveThrottle {
    /// The totals of a throttle since it was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that the service accepted.
        public internal(set) var accepted = 0
        /// Calls that the service did not accept.
        public internal(set) var refused = 0
        /// Calls whose outcome was ignored.
        public internal(set) var ignored = 0
        /// Calls that the caller cancelled.
        public internal(set) var cancelled = 0
        /// Calls that the throttle rejected.
        public internal(set) var rejected = 0

        /// Every call that has ended or was rejected.
        public var calls: Int {
            accepted.addingSaturated(refused).addingSaturated(ignored).addingSaturated(cancelled)
                .addingSaturated(rejected)
        }

        /// The sums of two totals, for example of several throttles.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension AdaptiveThrottle.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.accepted, \.refused, \.ignored, \.cancelled, \.rejected]
    }
}
