internal import ResilienceCore

extension RateLimiter {
    /// What a keyed limiter has seen since it was made, over all keys: calls, whatever the permits they were for. Every
    /// number only grows.
    public struct KeyedTotals: Sendable, Hashable, Codable {
        /// Calls that got their permits, at once or after a wait.
        public internal(set) var permitted = 0
        /// Calls that were rejected.
        public internal(set) var rejected = 0
        /// Calls that were given up during the wait.
        public internal(set) var cancelled = 0
        /// Calls that got their permits after a wait; they are among the permitted ones.
        public internal(set) var waited = 0
        /// How long those waited, together.
        public internal(set) var waitingTime = Duration.zero
        /// Calls of new keys for which there was no place; they are among the rejected ones.
        public internal(set) var refusedKeys = 0
        /// Keys that were forgotten for another key though permits of them were in use.
        public internal(set) var forgottenKeys = 0

        /// Every call that has ended: those that wait are not in it.
        public var calls: Int { permitted.addingSaturated(rejected).addingSaturated(cancelled) }

        /// How long a call waited, on average over those that did; `nil` if none has.
        public var averageWait: Duration? { waited == 0 ? nil : waitingTime / waited }

        /// The sums of two totals, for example of several limiters.
        public static func + (lhs: KeyedTotals, rhs: KeyedTotals) -> KeyedTotals { lhs.adding(rhs) }

        init() {}

        init(_ totals: Totals) {
            permitted = totals.permitted
            rejected = totals.rejected
            cancelled = totals.cancelled
            waited = totals.waited
            waitingTime = totals.waitingTime
        }
    }
}

extension RateLimiter.KeyedTotals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.permitted, \.rejected, \.cancelled, \.waited, \.refusedKeys, \.forgottenKeys]
    }

    package static var durations: [WritableKeyPath<Self, Duration>] { [\.waitingTime] }
}
