internal import ResilienceCore

extension RetryBudget {
    /// The totals of a budget since it was created. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Attempts that were let through.
        public internal(set) var granted = 0
        /// Attempts that were not let through, because too few tokens were left.
        public internal(set) var refused = 0

        /// The sums of two totals, for example of several budgets.
        public static func + (lhs: Totals, rhs: Totals) -> Totals { lhs.adding(rhs) }
    }
}

extension RetryBudget.Totals: SummableTotals {
    package static var numbers: [WritableKeyPath<Self, Int>] { [\.granted, \.refused] }
}
