/// A store of retry budgets in this process: for tests, and for several budgets in it that share their tokens.
public final class InMemoryBudgetStore: BudgetStore {
    private let tokens = Lock<[String: Int64]>([:])

    /// Creates an empty store.
    public init() {}

    /// Adds what a node has earned and spent, and tells how many tokens there are then. Never fails.
    public func exchange(_ report: BudgetReport) async throws -> Int64 {
        tokens.withLock { tokens in
            let balance = report.balance(kept: tokens[report.budget])
            tokens[report.budget] = balance
            return balance
        }
    }
}
