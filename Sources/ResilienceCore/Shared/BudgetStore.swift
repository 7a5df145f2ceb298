/// Where the nodes of a fleet keep the tokens of a retry budget that they share.
///
/// Nothing that a call waits for asks a store: each node decides by the tokens it knows of, and tells from time to time
/// what it has earned and spent. All members may be used from any task at once, and must answer or throw in bounded
/// time.
public protocol BudgetStore: Sendable {
    /// Adds what a node has earned and spent, and tells how many tokens there are then. One atomic step.
    ///
    /// The tokens are a whole number of millionths: those that are kept, or ``BudgetReport/known`` if none are, plus
    /// the change, and then at least zero and at most the capacity. They are kept for an hour after the last exchange.
    ///
    /// - Throws: `SharedStateError`. A budget of which nothing is known is no error.
    func exchange(_ report: BudgetReport) async throws -> Int64
}

/// What a node tells a store about one budget. All numbers are millionths of a token.
public struct BudgetReport: Sendable, Hashable {
    /// The budget's name: the same on all nodes. Any text.
    public var budget: String

    /// What was earned, less what was spent, since the last exchange; to −10¹² … 10¹². Told at most once, also if no
    /// answer comes.
    public var change: Int64

    /// The most tokens there are, 1 to 10¹².
    public var capacity: Int64

    /// The tokens this node knows of, without the change: where a store begins that knows nothing of the budget.
    public var known: Int64

    /// Creates a report.
    public init(budget: String, change: Int64, capacity: Int64, known: Int64) {
        (self.budget, self.change) = (budget, change)
        (self.capacity, self.known) = (capacity, known)
    }

    /// The tokens after the exchange: what a store computes.
    ///
    /// - Parameter kept: The tokens that the store has; `nil` if it has none.
    public func balance(kept: Int64?) -> Int64 {
        let most = 1_000_000_000_000 as Int64
        let capacity = min(max(1, capacity), most)
        let start = min(max(0, kept ?? known), capacity)
        return min(max(0, start + min(max(-most, change), most)), capacity)
    }
}
