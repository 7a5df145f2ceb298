internal import ResilienceCore
internal import Synchronization

extension Retry {
    /// What a retry has seen since it was made. Every number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls whose first attempt succeeded.
        public internal(set) var succeededWithoutRetry = 0
        /// Calls of which a later attempt succeeded.
        public internal(set) var succeededWithRetry = 0
        /// Calls whose first attempt failed, and was not retried.
        public internal(set) var failedWithoutRetry = 0
        /// Calls that failed although they were retried.
        public internal(set) var failedWithRetry = 0
        /// Calls that the caller cancelled.
        public internal(set) var cancelled = 0
        /// Attempts beyond the first of each call.
        public internal(set) var retries = 0
        /// Calls that were not retried because the budget was spent; they are among the failed ones.
        public internal(set) var refusedByBudget = 0
        /// Hints of servers that could not be read.
        public internal(set) var hintsIgnored = 0

        /// Every call that has ended.
        public var calls: Int {
            succeededWithoutRetry.addingSaturated(succeededWithRetry).addingSaturated(failedWithoutRetry)
                .addingSaturated(failedWithRetry).addingSaturated(cancelled)
        }

        /// The attempts of the calls that have ended, and the retries of those that are running. A call that was
        /// cancelled before it began is counted with one.
        public var attempts: Int { calls.addingSaturated(retries) }

        /// The sums of two totals, for example of several retries.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

/// The totals as they are counted, each by itself: calls that overlap a reading may be in it or not.
final class Tally: Sendable {
    let succeededWithoutRetry = Atomic<Int>(0)
    let succeededWithRetry = Atomic<Int>(0)
    let failedWithoutRetry = Atomic<Int>(0)
    let failedWithRetry = Atomic<Int>(0)
    let cancelled = Atomic<Int>(0)
    let retries = Atomic<Int>(0)
    let refusedByBudget = Atomic<Int>(0)
    let hintsIgnored = Atomic<Int>(0)

    func countSuccess(attempts: Int) {
        if attempts == 1 {
            succeededWithoutRetry.wrappingAdd(1, ordering: .relaxed)
        } else {
            succeededWithRetry.wrappingAdd(1, ordering: .relaxed)
        }
    }

    func countFailure(_ reason: Retry.StopReason, attempts: Int) {
        if reason == .cancelled {
            cancelled.wrappingAdd(1, ordering: .relaxed)
        } else if attempts == 1 {
            failedWithoutRetry.wrappingAdd(1, ordering: .relaxed)
        } else {
            failedWithRetry.wrappingAdd(1, ordering: .relaxed)
        }
    }

    var totals: Retry.Totals {
        var totals = Retry.Totals()
        totals.succeededWithoutRetry = succeededWithoutRetry.load(ordering: .relaxed)
        totals.succeededWithRetry = succeededWithRetry.load(ordering: .relaxed)
        totals.failedWithoutRetry = failedWithoutRetry.load(ordering: .relaxed)
        totals.failedWithRetry = failedWithRetry.load(ordering: .relaxed)
        totals.cancelled = cancelled.load(ordering: .relaxed)
        totals.retries = retries.load(ordering: .relaxed)
        totals.refusedByBudget = refusedByBudget.load(ordering: .relaxed)
        totals.hintsIgnored = hintsIgnored.load(ordering: .relaxed)
        return totals
    }
}

extension Retry.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [
            \.succeededWithoutRetry, \.succeededWithRetry, \.failedWithoutRetry, \.failedWithRetry, \.cancelled,
            \.retries, \.refusedByBudget, \.hintsIgnored,
        ]
    }
}
