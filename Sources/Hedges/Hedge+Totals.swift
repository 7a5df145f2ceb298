internal import ResilienceCore
internal import Synchronization

extension Hedge {
    /// The totals of a hedge since it was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that the primary decided with success.
        public internal(set) var primaryWins = 0
        /// Calls that a hedge decided with success.
        public internal(set) var hedgeWins = 0
        /// Calls in which no attempt succeeded.
        public internal(set) var failed = 0
        /// Calls that the caller cancelled, and that had no success to return.
        public internal(set) var cancelled = 0
        /// Hedges that started because a delay was over.
        public internal(set) var startedByDelay = 0
        /// Hedges that started because an attempt had failed.
        public internal(set) var startedByFailure = 0
        /// Hedges that were due but not started, because the budget was spent.
        public internal(set) var refusedByBudget = 0
        /// Attempts that still ran when their call was decided, and were cancelled.
        public internal(set) var lost = 0

        /// Every call.
        public var calls: Int {
            [primaryWins, hedgeWins, failed, cancelled].reduce(0) { $0.addingSaturated($1) }
        }

        /// Every hedge that was started.
        public var hedges: Int { startedByDelay.addingSaturated(startedByFailure) }

        /// The sums of two totals, for example of several hedges.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }

    /// The totals while they are counted. Relaxed: each is a sum, and no other memory depends on it.
    final class Counters: Sendable {
        let primaryWins = Atomic(0)
        let hedgeWins = Atomic(0)
        let failed = Atomic(0)
        let cancelled = Atomic(0)
        let startedByDelay = Atomic(0)
        let startedByFailure = Atomic(0)
        let refusedByBudget = Atomic(0)
        let lost = Atomic(0)

        var totals: Totals {
            Totals(
                primaryWins: primaryWins.load(ordering: .relaxed), hedgeWins: hedgeWins.load(ordering: .relaxed),
                failed: failed.load(ordering: .relaxed), cancelled: cancelled.load(ordering: .relaxed),
                startedByDelay: startedByDelay.load(ordering: .relaxed),
                startedByFailure: startedByFailure.load(ordering: .relaxed),
                refusedByBudget: refusedByBudget.load(ordering: .relaxed), lost: lost.load(ordering: .relaxed))
        }

        func countStart(_ trigger: Trigger) {
            switch trigger {
            case .delay: startedByDelay.wrappingAdd(1, ordering: .relaxed)
            case .failure: startedByFailure.wrappingAdd(1, ordering: .relaxed)
            }
        }

        func countWin(_ attempt: Int) {
            if attempt == 1 {
                primaryWins.wrappingAdd(1, ordering: .relaxed)
            } else {
                hedgeWins.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }
}

extension Hedge.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] {
        [
            \.primaryWins, \.hedgeWins, \.failed, \.cancelled, \.startedByDelay, \.startedByFailure, \.refusedByBudget,
            \.lost,
        ]
    }
}
