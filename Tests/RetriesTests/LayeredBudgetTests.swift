import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// Several layers of a call with one budget: it hears of the call once.
@Suite("RetryBudget: several layers", .timeLimit(.minutes(30)))
struct LayeredBudgetTests {
    private let clock = ManualClock()

    private func layer(_ budget: RetryBudget, _ attempts: Int) -> Layer<Retry> {
        Retry.layer(.immediate, maxAttempts: attempts, budget: budget)
    }

    /// Three layers: two of one policy, and one of a policy around it.
    private func policy(_ budget: RetryBudget, outer: Int = 1, middle: Int = 1, inner: Int) throws -> some Strategy {
        let nested = try Policy("nested", clock: clock) {
            layer(budget, middle)
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(1_000)))
            layer(budget, inner)
        }
        return try Policy("outer", clock: clock) {
            layer(budget, outer)
            nested
        }
    }

    @Test("a call earns its share once, however many layers and attempts it passes")
    func deposit() async throws {
        for failures in 0...7 {
            let budget = try RetryBudget(.ratio(0.25, minimumPerSecond: 1), clock: clock)
            let before = budget.balance
            let policy = try policy(budget, outer: 2, middle: 2, inner: 2)
            let count = Count()
            try await policy.execute { if count.increment() <= failures { throw failure } }
            #expect(abs(budget.balance - (before + 0.25 - Double(failures))) < 1e-9, "\(failures)")
        }
    }

    @Test("a throttle hears of each failed attempt once, and of one success", arguments: 0...6)
    func throttle(failures: Int) async throws {
        let budget = try RetryBudget(.throttle(maxTokens: 100, tokenRatio: 0.5))
        let policy = try policy(budget, outer: 2, middle: 2, inner: 2)
        let count = Count()
        try await policy.execute { if count.increment() <= failures { throw failure } }
        #expect(budget.balance == (failures == 0 ? 100 : 100.5 - Double(failures)))
    }

    @Test("a throttle that refuses hears of the failure once", arguments: [3, 4, 10] as [Int])
    func refused(tokens: Int) async throws {
        let budget = try RetryBudget(.throttle(maxTokens: tokens, tokenRatio: 0.5))
        let policy = try policy(budget, outer: 9, middle: 9, inner: 9)
        let attempts = Count()
        _ = try? await policy.execute {
            attempts.increment()
            throw failure
        }
        #expect(budget.balance == Double(tokens - attempts.value))
        let alone = try RetryBudget(.throttle(maxTokens: tokens, tokenRatio: 0.5))
        let single = try Fixture(Configuration(backoff: .immediate, maxAttempts: 99, budget: alone))
        #expect(try await single.run { _ in throw failure }.attempts == attempts.value)
        #expect(alone.balance == budget.balance)
    }

    @Test("a quota gets back the price of the retry that succeeded, as of a single layer")
    func quota() async throws {
        let budget = try RetryBudget(.quota(100, cost: 10))
        let policy = try policy(budget, inner: 3)
        let count = Count()
        try await policy.execute { if count.increment() <= 2 { throw failure } }
        #expect(budget.balance == 90)
    }
}
