internal import ResilienceCore
internal import Synchronization

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

        /// The sums of two totals, for example of several limiters.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

/// The totals as they are counted, each by itself: calls that overlap a reading may be in it or not.
final class LimiterTally: Sendable {
    let permitted = Atomic<Int>(0)
    let rejected = Atomic<Int>(0)
    let cancelled = Atomic<Int>(0)
    let waited = Atomic<Int>(0)
    private let waitingTime = Atomic<Int64>(0)

    func addWaitingTime(_ nanoseconds: Int64) {
        var seen = waitingTime.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = waitingTime.compareExchange(
                expected: seen, desired: seen.addingSaturated(nanoseconds), ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }

    var totals: RateLimiter.Totals {
        var totals = RateLimiter.Totals()
        totals.permitted = permitted.load(ordering: .relaxed)
        totals.rejected = rejected.load(ordering: .relaxed)
        totals.cancelled = cancelled.load(ordering: .relaxed)
        totals.waited = waited.load(ordering: .relaxed)
        totals.waitingTime = .nanoseconds(waitingTime.load(ordering: .relaxed))
        return totals
    }
}

extension RateLimiter.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.permitted, \.rejected, \.cancelled, \.waited]
    }

    package static var durations: [WritableKeyPath<Self, Duration>] { [\.waitingTime] }
}
