import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

@Suite("Another rule for a budget", .timeLimit(.minutes(30)))
struct RetryBudgetUpdateTests {
    @Test("tokens stay within a kind, up to the new capacity, and start over in another")
    func tokens() throws {
        let budget = try RetryBudget(.quota(100, cost: 10), clock: ManualClock())
        #expect(budget.tryWithdraw() && budget.balance == 90)
        try budget.update(.quota(200, cost: 30))
        #expect(budget.balance == 90 && budget.tryWithdraw() && budget.balance == 60)
        try budget.update(.quota(50, cost: 1))
        #expect(budget.balance == 50 && budget.totals.granted == 2)
        budget.recordSuccess()
        #expect(budget.balance == 50)
        try budget.update(.throttle(maxTokens: 4, tokenRatio: 0.5))
        #expect(budget.balance == 4)
        budget.recordFailure()
        budget.recordFailure()
        #expect(budget.balance == 2 && !budget.tryWithdraw())
        budget.recordSuccess()
        #expect(budget.balance == 2.5)
        try budget.update(.ratio(0.5, minimumPerSecond: 0))
        #expect(budget.balance == 0 && budget.configuration == .ratio(0.5, minimumPerSecond: 0))
        budget.deposit()
        #expect(budget.balance == 0.5)
    }

    @Test("a rule with a fault changes nothing; the same rule neither")
    func faulty() throws {
        let budget = try RetryBudget(.quota(100, cost: 10), clock: ManualClock())
        #expect(budget.tryWithdraw())
        #expect(throws: ConfigurationError.self) { try budget.update(.quota(0)) }
        try budget.update(.quota(100, cost: 10))
        #expect(budget.balance == 90 && budget.configuration == .quota(100, cost: 10))
    }

    @Test("a ratio keeps what was earned for the time of the new window, and no longer")
    func window() throws {
        let clock = ManualClock()
        let budget = try RetryBudget(.ratio(1, minimumPerSecond: 0, window: .seconds(10)), clock: clock)
        for _ in 0..<8 { budget.deposit() }
        clock.advance(by: .seconds(9))
        try budget.update(.ratio(0.5, minimumPerSecond: 0, window: .seconds(100)))
        clock.advance(by: .seconds(80))
        #expect(budget.balance == 8)
        budget.deposit()
        #expect(budget.balance == 8.5)
        clock.advance(by: .seconds(21))
        #expect(budget.balance == 0.5)
        try budget.update(.ratio(0.5, minimumPerSecond: 3, window: .seconds(1)))
        #expect(budget.balance == 3.5)
        clock.advance(by: .seconds(2))
        #expect(budget.balance == 3)
    }

    @Test("no token is lost or made when rules change under contention")
    func contention() async throws {
        let budget = try RetryBudget(.quota(1000, cost: 1), clock: ManualClock())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for index in 0..<2000 {
                        if budget.tryWithdraw() { budget.putBack() }
                        if index.isMultiple(of: 64) { await Task.yield() }
                    }
                }
            }
            group.addTask {
                for index in 0..<200 {
                    try? budget.update(.quota(index.isMultiple(of: 2) ? 2000 : 1000, cost: 1))
                    await Task.yield()
                }
            }
        }
        #expect(budget.balance == 1000)
    }

    @Test("what a ratio had earned is forgotten by another kind, also if it becomes a ratio again")
    func throughAnotherKind() throws {
        let clock = ManualClock()
        let ratio = RetryBudget.Configuration.ratio(1, minimumPerSecond: 1, window: .seconds(10))
        for other in [RetryBudget.Configuration.throttle(), .quota()] {
            let budget = try RetryBudget(ratio, clock: clock)
            for _ in 0..<100 { budget.deposit() }
            try budget.update(other)
            try budget.update(ratio)
            #expect(budget.balance == 10)
            clock.advance(by: .seconds(20))
            #expect(budget.balance == 10)
        }
    }
}
