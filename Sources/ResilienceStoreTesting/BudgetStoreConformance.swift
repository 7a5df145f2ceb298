public import ResilienceCore

/// Checks that a `BudgetStore` keeps tokens as ``/ResilienceCore/BudgetReport/balance(kept:)`` says.
public struct BudgetStoreConformance: Sendable {
    private let store: any BudgetStore
    private let prefix: String

    /// Creates a check of a store.
    ///
    /// - Parameters:
    ///   - store: The store, which must be reachable.
    ///   - prefix: What the names of budgets begin with. Default: a random text.
    public init(_ store: any BudgetStore, prefix: String = "conformance-\(UInt64.random(in: .min ... .max))") {
        (self.store, self.prefix) = (store, prefix)
    }

    /// Checks everything.
    ///
    /// - Returns: What does not hold; empty for a store that conforms.
    /// - Throws: What the store throws: it is to be reachable.
    public func violations() async throws -> [StoreViolation] {
        var found: [StoreViolation] = []
        let numbers: [Int64] = [0, 1, -1, 5_000_000, -3_000_000, 1_000_000_000_000, -1_000_000_000_000]
        let capacity: Int64 = 10_000_000
        var kept: [String: Int64] = [:]
        for (number, known) in [Int64.min, -1, 0, 4_000_000, Int64.max].enumerated() {
            for change in numbers + [.min, .max, 2_500_000] {
                for name in ["", "b", "a:", "{a}", "a\r\n", "ä", "A"] {
                    let report = BudgetReport(
                        budget: "\(prefix)\(number)\(name)", change: change, capacity: capacity, known: known)
                    let expected = report.balance(kept: kept[report.budget])
                    let balance = try await store.exchange(report)
                    if balance != expected {
                        found.append(
                            StoreViolation(
                                "A change is added to what is kept, within zero and the capacity",
                                found: "\(balance) after \(report), where \(expected) is right"))
                    }
                    kept[report.budget] = balance
                }
            }
        }
        let sum = try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    _ = try await store.exchange(
                        BudgetReport(budget: prefix + "sum", change: 100_000, capacity: capacity, known: 0))
                }
            }
            try await group.waitForAll()
            return try await store.exchange(
                BudgetReport(budget: prefix + "sum", change: 0, capacity: capacity, known: 0))
        }
        if sum != 4_000_000 {
            found.append(StoreViolation("No change is lost among those that come at once", found: "\(sum)"))
        }
        return found
    }
}
