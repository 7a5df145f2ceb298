internal import ResilienceCore

extension RateLimiter {
    /// What a limiter has seen since it was made: calls, whatever the permits they were for. Every number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that got their permits, at once or after a wait, and reservations that were used.
        public internal(set) var permitted = 0
        /// Calls that were rejected.
        public internal(set) var rejected = 0
        /// Calls that were given up during the wait, and reservations that were given up.
        public internal(set) var cancelled = 0
        /// Calls that got their permits after a wait; they are among the permitted ones.
        public internal(set) var waited = 0
        /// How long those waited, together.
        public internal(set) var waitingTime = Duration.zero

        /// Every call that has ended: those that wait and reservations that are held are not in it.
        public var calls: Int { permitted.addingSaturated(rejected).addingSaturated(cancelled) }

        /// How long a call waited, on average over those that did; `nil` if none has.
        public var averageWait: Duration? { waited == 0 ? nil : waitingTime / waited }

        /// The sums of two totals, for example of several limiters.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension RateLimiter.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.permitted, \.rejected, \.cancelled, \.waited]
    }

    package static var durations: [WritableKeyPath<Self, Duration>] { [\.waitingTime] }
}
