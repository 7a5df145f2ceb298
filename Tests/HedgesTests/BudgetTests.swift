import ResilienceCore
import ResilienceTesting
import Retries
import Testing

@testable import Hedges

/// Hedges within a budget.
@Suite(.timeLimit(.minutes(30)))
struct BudgetTests {
    let stage = Stage()

    @Test("when the budget is spent no hedge starts, and that is counted")
    func spent() async throws {
        let budget = TokenBudget(1)
        let hedge = try Hedge(
            "h", .init(delay: .fixed(.seconds(1)), maxHedges: 3, budget: budget), clock: stage.clock)
        let upstream = Upstream(stage.clock, [.success(0, after: .seconds(10)), .hang])
        let call = stage.start { try await hedge.execute { context in try await upstream.call(context) } }
        stage.advance(by: .seconds(10))
        #expect(try await call.value == 0)
        #expect(upstream.attempts == [1, 2])
        #expect(hedge.totals == .init(primaryWins: 1, startedByDelay: 1, refusedByBudget: 2, lost: 1))
        #expect(budget.current == .init(tokens: 0, calls: 1, successes: 1))
    }

    @Test("a failure that finds the budget spent is the outcome at once")
    func spentAtFailure() async throws {
        let budget = TokenBudget(0)
        let hedge = try Hedge(
            "h", .init(delay: .fixed(.seconds(1)), maxHedges: 3, budget: budget), clock: stage.clock)
        await #expect(throws: InjectedFailure("x")) { try await hedge.execute { throw InjectedFailure("x") } }
        #expect(stage.clock.timerCount == 0)
        #expect(hedge.totals == .init(failed: 1, refusedByBudget: 1))
        #expect(budget.current == .init(tokens: 0, calls: 1, failures: 1))
    }

    @Test("the budget hears of every call once, of failures and of the success")
    func told() async throws {
        let budget = TokenBudget(9)
        let hedge = try Hedge(
            "h", .init(delay: .onlyAfterFailure, maxHedges: 2, budget: budget), clock: stage.clock)
        _ = try await hedge.execute { context in
            if context.hedge == 0 { throw InjectedFailure() }
        }
        #expect(budget.current == .init(tokens: 8, calls: 1, failures: 1, successesOfHedges: 1))
        _ = try? await hedge.execute { throw InjectedFailure() }
        #expect(budget.current == .init(tokens: 6, calls: 2, failures: 4, successesOfHedges: 1))
        _ = try? await hedge.execute { throw CancellationError() }
        #expect(budget.current == .init(tokens: 4, calls: 3, failures: 7, successesOfHedges: 1))
    }

    @Test("one budget for retries and hedges")
    func shared() async throws {
        let budget = try RetryBudget(.quota(3, cost: 1))
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure, maxHedges: 2, budget: budget), clock: stage.clock)
        let retry = try Retry(.immediate, maxAttempts: 4, budget: budget)
        _ = try? await hedge.execute { throw InjectedFailure() }
        #expect(budget.balance == 1)
        _ = try? await retry.execute { throw InjectedFailure() }
        #expect(budget.balance == 0)
        _ = try? await hedge.execute { throw InjectedFailure() }
        #expect(hedge.totals.startedByFailure == 2)
        #expect(hedge.totals.refusedByBudget == 1)
    }

    @Test("a hedge within a retry with the same throttle tells it each failure once", arguments: 0...6)
    func throttleWithinRetry(failures: Int) async throws {
        let budget = try RetryBudget(.throttle(maxTokens: 100, tokenRatio: 0.5))
        let plain = try Policy("q", clock: stage.clock) { CountingLayer() }
            .hedged(.init(delay: .onlyAfterFailure, maxHedges: 2, budget: budget))
        let retrying = try Policy("p", clock: stage.clock) { Retry.layer(.immediate, maxAttempts: 2, budget: budget) }
        let left = Lock(failures)
        _ = try? await retrying.execute { context in
            try await plain.execute(within: context) {
                let fails = left.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if fails { throw InjectedFailure() }
            }
        }
        let told = 100 - Double(failures) + (failures == 6 ? 0 : 0.5)
        #expect(budget.balance == min(100, told))
    }

    @Test("a throttle stops hedging while calls fail, and lets it start again when they succeed")
    func throttle() async throws {
        let budget = try RetryBudget(.throttle(maxTokens: 4, tokenRatio: 0.5))
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure, maxHedges: 1, budget: budget), clock: stage.clock)
        for _ in 0..<4 { _ = try? await hedge.execute { throw InjectedFailure() } }
        #expect(hedge.totals.startedByFailure == 1)
        #expect(hedge.totals.refusedByBudget == 3)
        for _ in 0..<8 { try await hedge.execute {} }
        try await hedge.execute { context in
            if context.hedge == 0 { throw InjectedFailure() }
        }
        #expect(hedge.totals.startedByFailure == 2)
    }

    @Test("when the budget is spent at the time that a server asked for, the failure is the outcome then")
    func spentAfterPushback() async throws {
        let budget = TokenBudget(0)
        let hedge = try Hedge(
            "h", .init(delay: .fixed(.seconds(1)), maxHedges: 3, budget: budget), clock: stage.clock,
            random: .constant(0))
        let call = stage.start { () -> Int in
            try await hedge.execute { throw InjectedFailure(retryAfter: .seconds(2)) }
        }
        stage.advance(by: .seconds(2))
        #expect(hedge.totals == .init(failed: 1, refusedByBudget: 1) && stage.clock.timerCount == 0)
        await #expect(throws: InjectedFailure.self) { try await call.value }
    }

    @Test("within a retry with the same budget, a failure beside attempts that still run is told at once")
    func toldWhileOthersRun() async throws {
        let budget = try RetryBudget(.throttle(maxTokens: 100, tokenRatio: 0.5))
        let plain = try Policy("q", clock: stage.clock) { CountingLayer() }
            .hedged(.init(delay: .fixed(.seconds(1)), maxHedges: 1, budget: budget))
        let retrying = try Policy("p", clock: stage.clock) { Retry.layer(.immediate, maxAttempts: 2, budget: budget) }
        let upstream = Upstream(stage.clock, [.success(1, after: .seconds(5)), .failure("x", after: .seconds(1))])
        let call = stage.start {
            try await retrying.execute { context in
                try await plain.execute(within: context) { context in try await upstream.call(context) }
            }
        }
        stage.advance(by: .seconds(2))
        #expect(upstream.attempts == [1, 2] && budget.balance == 99)
        stage.advance(by: .seconds(3))
        #expect(try await call.value == 1)
    }

    @Test("a refusal that leaves nothing running ends the call, and no delay is asked for", arguments: [0, 2])
    func refusedWhileIdle(hint: Int) async throws {
        let asked = Lock(0)
        // A delay that is over at once, were it asked for again.
        let delay = Hedge.Delay.custom { _ in
            asked.withLock { count in
                count += 1
                return count == 1 ? .seconds(100) : .zero
            }
        }
        let hedge = try Hedge(
            "h", .init(delay: delay, maxHedges: 3, budget: TokenBudget(0)), clock: stage.clock, random: .constant(0))
        let call = stage.start { () -> Int in
            try await hedge.execute { throw InjectedFailure(retryAfter: hint == 0 ? nil : .seconds(hint)) }
        }
        stage.advance(by: .seconds(hint))
        #expect(hedge.totals == .init(failed: 1, refusedByBudget: 1) && asked.withLock { $0 } == 1)
        await #expect(throws: InjectedFailure.self) { try await call.value }
    }
}
