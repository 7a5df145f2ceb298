internal import ResilienceCore

extension SharedRateLimiter {
    /// What a shared limiter has seen on this node since it was made. Every number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that got their permits, at once or after a wait.
        public internal(set) var permitted: Int
        /// Calls that were rejected.
        public internal(set) var rejected: Int
        /// Calls that were given up during the wait.
        public internal(set) var cancelled: Int
        /// Calls that got their permits after a wait; they are among the permitted ones.
        public internal(set) var waited: Int
        /// How long those waited, together.
        public internal(set) var waitingTime: Duration
        /// Calls that this node decided alone, because the store was away; they are among the others.
        public internal(set) var withoutStore: Int
        /// Requests to the store.
        public internal(set) var exchanges: Int
        /// How often the store has become unavailable.
        public internal(set) var outages: Int

        /// Permits that this node took from the store in batches.
        public internal(set) var leased: Int
        /// Permits that it gave back.
        public internal(set) var returned: Int
        /// Permits whose lease ended before they were used; some are given back then.
        public internal(set) var expired: Int

        /// Every call that has ended: those that wait are not in it.
        public var calls: Int { permitted.addingSaturated(rejected).addingSaturated(cancelled) }

        /// How long a call waited, on average over those that did; `nil` if none has.
        public var averageWait: Duration? { waited == 0 ? nil : waitingTime / waited }

        /// The sums of two totals, for example of several limiters.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension SharedRateLimiter.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [
            \.permitted, \.rejected, \.cancelled, \.waited, \.withoutStore, \.exchanges, \.outages, \.leased,
            \.returned, \.expired,
        ]
    }

    package static var durations: [WritableKeyPath<Self, Duration>] { [\.waitingTime] }
}
