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

    @Test(
        "so does a policy in the operation of another, without the context, where a limit is between", arguments: 1...3)
    func depositInside(depth: Int) async throws {
        let budget = try RetryBudget(.ratio(0.25, minimumPerSecond: 1), clock: clock)
        let policy = try Policy("p", clock: clock) {
            layer(budget, 2)
            Limited(time: TimeSource(clock))
        }
        func call(_ depth: Int, _ operation: @escaping @Sendable () async throws -> Void) async throws {
            if depth == 0 { return try await operation() }
            try await policy.execute { try await call(depth - 1, operation) }
        }
        let before = budget.balance
        try await call(depth) {}
        #expect(abs(budget.balance - (before + 0.25)) < 1e-9)
        // Each failed attempt is told once, and one further call earns one share.
        let count = Count()
        try await call(depth) { if count.increment() <= 1 { throw failure } }
        #expect(abs(budget.balance - (before + 0.5 - 1)) < 1e-9)
        // What the call leaves behind, and what comes after it, are calls of their own.
        let present = budget.balance
        try await policy.execute { _ = try await Background.begin { Task { try await policy.execute {} } }.value }
        try await policy.execute {}
        #expect(abs(budget.balance - (present + 0.75)) < 1e-9)
        let other = try RetryBudget(.ratio(0.25, minimumPerSecond: 1), clock: clock)
        let elsewhere = try Policy("other", clock: clock) { layer(other, 2) }
        try await policy.execute { try await elsewhere.execute {} }
        #expect(abs(other.balance - before - 0.25) < 1e-9)
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
        let single = try Stage(Configuration(backoff: .immediate, maxAttempts: 99, budget: alone))
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

/// Runs the rest of a call in a child task with a limit, as a timeout does.
private struct Limited: Strategy {
    let time: TimeSource
    var rootContext: Context { Context(name: "limited", time: time) }

    nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let deadline = time.now.advanced(by: .seconds(3600))
        if let error = await runInChild(#isolation, DeadlineLane(time), context, deadline, next).error { throw error }
    }
}
