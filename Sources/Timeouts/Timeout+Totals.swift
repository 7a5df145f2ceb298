internal import ResilienceCore
internal import Synchronization

extension Timeout {
    /// The totals of a timeout since it was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that returned within the limit.
        public internal(set) var succeeded = 0
        /// Calls that failed without reaching the limit: with an error of their own, or cut off by a deadline around
        /// this one.
        public internal(set) var failed = 0
        /// Calls that ended with an error after the limit.
        public internal(set) var exceeded = 0
        /// Calls that returned a value after the limit: the caller got it, but it came late.
        public internal(set) var late = 0
        /// Calls that the caller cancelled.
        public internal(set) var cancelled = 0
        /// Calls that were not begun, because there was no time left.
        public internal(set) var rejected = 0
        /// Calls that a layer inside rejected, whether or not the limit was reached meanwhile.
        public internal(set) var rejectedInside = 0
        /// Calls without a limit.
        public internal(set) var unlimited = 0

        /// Every call.
        public var calls: Int {
            [succeeded, failed, exceeded, late, cancelled, rejected, rejectedInside, unlimited]
                .reduce(0) { $0.addingSaturated($1) }
        }

        /// The sums of two totals, for example of several timeouts.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }

    /// The totals while they are counted. Relaxed: each is a sum, and no other memory depends on it.
    final class Counters: Sendable {
        let succeeded = Atomic(0)
        let failed = Atomic(0)
        let exceeded = Atomic(0)
        let late = Atomic(0)
        let cancelled = Atomic(0)
        let rejected = Atomic(0)
        let rejectedInside = Atomic(0)
        let unlimited = Atomic(0)

        var totals: Totals {
            Totals(
                succeeded: succeeded.load(ordering: .relaxed), failed: failed.load(ordering: .relaxed),
                exceeded: exceeded.load(ordering: .relaxed), late: late.load(ordering: .relaxed),
                cancelled: cancelled.load(ordering: .relaxed), rejected: rejected.load(ordering: .relaxed),
                rejectedInside: rejectedInside.load(ordering: .relaxed), unlimited: unlimited.load(ordering: .relaxed))
        }
    }
}

extension Timeout.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [\.succeeded, \.failed, \.exceeded, \.late, \.cancelled, \.rejected, \.rejectedInside, \.unlimited]
    }
}
