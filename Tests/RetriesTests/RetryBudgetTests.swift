import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

/// Budgets alone and in a retry.
@Suite("RetryBudget", .timeLimit(.minutes(30)))
struct RetryBudgetTests {
    /// A policy like that of rows AW: 50 ms doubled, with a random number of 1.
    private func aws(_ budget: RetryBudget) throws -> Stage {
        try Stage(
            Configuration(backoff: .exponential(from: .milliseconds(50)), budget: budget), random: .constant(1))
    }

    @Test("AW-1: a quota of 500; two failures and a success cost twice and refund the last cost")
    func quotaRefund() async throws {
        let budget = try RetryBudget(.quota(500, cost: 14))
        let stage = try aws(budget)
        let seen = Lock<[Double]>([])
        let outcome = try await stage.run { context in
            seen.withLock { $0.append(budget.balance) }
            if context.attempt < 3 { throw failure }
        }
        #expect(seen.withLock { $0 } == [500, 486, 472] && budget.balance == 486)
        #expect(outcome.slept == [.milliseconds(50), .milliseconds(100)])
    }

    @Test("AW-2: three failures cost twice, and the attempts are used up")
    func quotaAttempts() async throws {
        let budget = try RetryBudget(.quota(500, cost: 14))
        let stage = try aws(budget)
        let outcome = try await stage.run([failure, failure, failure])
        #expect(outcome.attempts == 3 && budget.balance == 472 && stage.reasons == [.attempts])
    }

    @Test("AW-3: a quota of 14 pays for one retry")
    func quotaSpent() async throws {
        let budget = try RetryBudget(.quota(14, cost: 14))
        let stage = try aws(budget)
        let last = InjectedFailure("502")
        let outcome = try await stage.run([failure, last, failure])
        #expect(outcome.attempts == 2 && outcome.error as? InjectedFailure == last && budget.balance == 0)
        #expect(stage.reasons == [.budget] && stage.retry.totals.refusedByBudget == 1)
        #expect(budget.totals.granted == 1 && budget.totals.refused == 1)
        // A call that needs no retry earns one token.
        _ = try await stage.run([])
        #expect(budget.balance == 1)
    }

    @Test("TO-1: a ratio of 1 without a minimum has nothing to give at first")
    func ratioEmpty() throws {
        let budget = try RetryBudget(
            .ratio(1, minimumPerSecond: 0, window: .seconds(1)), clock: ManualClock())
        #expect(!budget.tryWithdraw() && budget.totals.refused == 1)
        budget.deposit()
        #expect(budget.tryWithdraw() && !budget.tryWithdraw())
    }

    @Test("TO-2: a minimum of 5 per second: five of six")
    func ratioMinimum() throws {
        let clock = ManualClock()
        let budget = try RetryBudget(.ratio(1, minimumPerSecond: 5, window: .seconds(1)), clock: clock)
        #expect((1...6).map { _ in budget.tryWithdraw() } == [true, true, true, true, true, false])
        // What was spent is forgotten after the window.
        clock.advance(by: .milliseconds(999))
        #expect(!budget.tryWithdraw())
        clock.advance(by: .milliseconds(1))
        #expect((1...6).map { _ in budget.tryWithdraw() } == [true, true, true, true, true, false])
    }

    @Test("what was earned expires")
    func expiry() throws {
        let clock = ManualClock()
        let budget = try RetryBudget(.ratio(0.5, minimumPerSecond: 0, window: .seconds(1)), clock: clock)
        for _ in 1...2 { budget.deposit() }
        clock.advance(by: .milliseconds(500))
        for _ in 1...2 { budget.deposit() }
        #expect(budget.balance == 2)
        clock.advance(by: .milliseconds(499))
        #expect(budget.balance == 2)
        clock.advance(by: .milliseconds(1))
        #expect(budget.balance == 1 && budget.tryWithdraw() && !budget.tryWithdraw())
        clock.advance(by: .seconds(3))
        #expect(budget.balance == 0)
        for _ in 1...4 { budget.deposit() }
        clock.advance(by: .seconds(3600 * 24 * 365 * 100))
        #expect(budget.balance == 0)
    }

    @Test(
        "what is put back is as if it had never been taken, also when the window has passed",
        arguments: [
            .ratio(0, minimumPerSecond: 3, window: .seconds(1)), .ratio(0.5, minimumPerSecond: 3, window: .seconds(10)),
            .quota(500, cost: 14), .quota(1, cost: 1),
        ] as [RetryBudget.Configuration], [0, 1, 15])
    func puttingBack(configuration: RetryBudget.Configuration, tenths: Int) throws {
        let clock = ManualClock()
        let budget = try RetryBudget(configuration, clock: clock)
        let start = budget.balance
        for _ in 1...3 {
            #expect(budget.tryWithdraw() && budget.balance < start)
            clock.advance(by: .milliseconds(100 * min(tenths, 1)))
            budget.putBack()
            #expect(budget.balance == start)
        }
        for _ in 0..<3 {
            clock.advance(by: .seconds(tenths))
            #expect(budget.balance == start)
        }
        // All that there was is there again.
        var count = 0
        while count < 1000, budget.tryWithdraw() { count += 1 }
        let fresh = try RetryBudget(configuration, clock: clock)
        var expected = 0
        while expected < 1000, fresh.tryWithdraw() { expected += 1 }
        #expect(count == expected)
    }

    @Test(
        "a ratio is exact to the millionth of a token",
        arguments: [0.000_001, 0.000_01, 0.000_123, 0.050_001, 0.999_999])
    func fineRatios(ratio: Double) throws {
        let budget = try RetryBudget(.ratio(ratio, minimumPerSecond: 0), clock: ManualClock())
        let calls = Int((1 / ratio).rounded(.up))
        for _ in 1..<calls { budget.deposit() }
        #expect(!budget.tryWithdraw())
        budget.deposit()
        #expect(budget.tryWithdraw() && !budget.tryWithdraw())
    }

    @Test("a budget without a rule lets through a fifth of the calls, and ten a second in any case")
    func defaultRule() throws {
        #expect(try RetryBudget().configuration == .ratio(0.2, minimumPerSecond: 10, window: .seconds(10)))
        #expect(RetryBudget.Configuration.throttle() == .throttle(maxTokens: 10, tokenRatio: 0.1))
        #expect(RetryBudget.Configuration.quota() == .quota(500, cost: 14))
        let clock = ManualClock()
        let budget = try RetryBudget(clock: clock)
        for _ in 1...500 { budget.deposit() }
        var count = 0
        while count < 1000, budget.tryWithdraw() { count += 1 }
        #expect(count == 200)
        clock.advance(by: .milliseconds(9_999))
        #expect(budget.balance == 0)
        clock.advance(by: .milliseconds(1))
        #expect(budget.balance == 100)
    }

    @Test("GR-1: a throttle of 10 tokens and a ratio of 0.1")
    func throttle() throws {
        let budget = try RetryBudget(.throttle(maxTokens: 10, tokenRatio: 0.1))
        #expect((1...5).map { _ in budget.tryWithdrawAfterFailure() } == [true, true, true, true, false])
        #expect(budget.balance == 5 && !budget.tryWithdraw())
        budget.recordSuccess()
        #expect(budget.balance == 5.1 && budget.tryWithdraw())
        #expect(!budget.tryWithdrawAfterFailure() && budget.balance == 4.1)
        for _ in 1...9 { budget.recordFailure() }
        #expect(budget.balance == 0)
        for _ in 1...1000 { budget.recordSuccess(ofRetry: true) }
        #expect(budget.balance == 10)
    }

    @Test("GR-1: the same in a retry")
    func throttledRetry() async throws {
        let budget = try RetryBudget(.throttle(maxTokens: 10, tokenRatio: 0.1))
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: 10, budget: budget))
        #expect(try await stage.run { _ -> Int in throw failure }.attempts == 5 && stage.reasons == [.budget])
        _ = try await stage.run([])
        #expect(budget.balance == 5.1)
        // A failure that is not to be retried costs nothing; the last of all attempts does.
        let strict = try Stage(Configuration(maxAttempts: 1, handles: .except(Other.self), budget: budget))
        _ = try await strict.run([Other()])
        #expect(budget.balance == 5.1)
        _ = try await strict.run([failure])
        #expect(budget.balance == 4.1)
    }

    @Test("a rejection of a layer inside costs a throttle nothing")
    func rejection() async throws {
        let budget = try RetryBudget(.throttle(maxTokens: 10))
        let stage = try Stage(
            Configuration(backoff: .immediate, onRejection: .waitUntilRetryAfter, budget: budget))
        _ = try await stage.run([Refused(retryAfter: .zero), Refused(retryAfter: .zero), Refused(retryAfter: .zero)])
        #expect(budget.balance == 10 && budget.totals.granted == 2)
    }

    @Test("every call earns its share once")
    func share() async throws {
        let budget = try RetryBudget(.ratio(0.2, minimumPerSecond: 0), clock: ManualClock())
        let stage = try Stage(Configuration(backoff: .immediate, maxAttempts: 9, budget: budget))
        for _ in 1...4 { #expect(try await stage.run([]).attempts == 1) }
        #expect(try await stage.run([failure, failure]).attempts == 2)
        #expect(abs(budget.balance) < 1e-9 && stage.retry.totals.refusedByBudget == 1)
    }

    @Test("a budget of one's own is asked")
    func own() async throws {
        struct Never: AttemptBudget {
            let deposits = Count()
            func deposit() { deposits.increment() }
            func tryWithdraw() -> Bool { false }
        }
        let budget = Never()
        let stage = try Stage(Configuration(budget: budget))
        #expect(try await stage.run([failure]).attempts == 1 && stage.reasons == [.budget])
        #expect(budget.deposits.value == 1)
    }

    @Test("what is refused for other reasons is not paid for")
    func otherReasons() async throws {
        let budget = try RetryBudget(.quota(28, cost: 14))
        let stage = try Stage(
            Configuration(backoff: .constant(.seconds(5)), maxDuration: .seconds(1), budget: budget))
        _ = try await stage.run([failure])
        #expect(stage.reasons == [.duration] && budget.balance == 28)
    }

    @Test("what one policy spends of a shared budget, another cannot")
    func shared() async throws {
        let clock = ManualClock()
        let budget = try RetryBudget(.quota(14, cost: 14))
        let first = try Policy("first", clock: clock) { Retry.layer(.immediate, maxAttempts: 9, budget: budget) }
        let second = try Policy.pipeline("second").retry(.immediate, maxAttempts: 9, budget: budget).build()
        #expect(await first.run { throw failure }.attempts == 2)
        #expect(await second.run { throw failure }.attempts == 1)
    }

    @Test("X-14: one token and 1000 concurrent failures are one retry", arguments: [0, 1])
    func oneToken(form: Int) async throws {
        let budget =
            form == 0
            ? try RetryBudget(.quota(14, cost: 14))
            : try RetryBudget(.ratio(0, minimumPerSecond: 1, window: .seconds(1)), clock: ManualClock())
        let retry = try Retry(.immediate, maxAttempts: 3, budget: budget)
        let failed = Count()
        await withTaskGroup(of: Void.self) { group in
            for _ in 1...1000 {
                group.addTask {
                    _ = try? await retry.execute {
                        failed.increment()
                        throw failure
                    }
                }
            }
        }
        #expect(failed.value == 1001 && retry.totals.retries == 1)
        // 999 were refused their first retry, and the lucky one its second.
        #expect(retry.totals.refusedByBudget == 1000 && budget.totals.granted == 1 && budget.totals.refused == 1000)
    }

    @Test("contention: what goes in and out of a budget adds up", arguments: [0, 1, 2])
    func contention(form: Int) async throws {
        let clock = ManualClock()
        let rules: [RetryBudget.Configuration] = [
            .ratio(0.25, minimumPerSecond: 100, window: .seconds(10)), .throttle(maxTokens: 1_000_000, tokenRatio: 1),
            .quota(1_000_000, cost: 7),
        ]
        let budget = try RetryBudget(rules[form], clock: clock)
        let start = budget.balance
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<2000 {
                        budget.deposit()
                        // Other parts of the window, all of which are still in it at the end.
                        if form == 0, task == 0, step.isMultiple(of: 250) { clock.advance(by: .seconds(1)) }
                        if budget.tryWithdrawAfterFailure(), step.isMultiple(of: 4) { budget.putBack() }
                    }
                }
            }
        }
        let granted = budget.totals.granted
        #expect(granted + budget.totals.refused == 16_000)
        switch form {
        case 0:
            // 1000 in reserve, 4000 earned; a quarter of what is asked for comes back, so that there is never a lack
            // for long, but the last may be refused.
            #expect(budget.balance >= 0 && budget.balance < 1001)
        case 1: #expect(budget.balance == start - 16_000 && granted == 16_000)
        default: #expect(budget.balance == start - 12_000 * 7 && granted == 16_000)
        }
    }

    @Test("model: a ratio follows a list of what was earned and spent")
    func model() throws {
        try forSeeds(0..<500) { seed, generator in
            let clock = ManualClock()
            let percent = Int.random(in: 0...100, using: &generator)
            let minimum = Int.random(in: 0...5, using: &generator)
            let budget = try RetryBudget(
                .ratio(Double(percent) / 100, minimumPerSecond: Double(minimum), window: .seconds(10)), clock: clock)
            // In hundredths, with the second each belongs to: a tenth of the window.
            var entries: [(second: Int, amount: Int)] = []
            var now = 0
            for _ in 0..<200 {
                entries.removeAll { $0.second <= now - 10 }
                let balance = entries.reduce(minimum * 1000) { $0 + $1.amount }
                #expect(abs(budget.balance * 100 - Double(balance)) < 0.001, "seed \(seed)")
                switch Int.random(in: 0..<5, using: &generator) {
                case 0, 1:
                    budget.deposit()
                    entries.append((now, percent))
                case 2, 3:
                    #expect(budget.tryWithdraw() == (balance >= 100), "seed \(seed)")
                    if balance >= 100 { entries.append((now, -100)) }
                default:
                    let seconds = Int.random(in: 0...15, using: &generator)
                    clock.advance(by: .seconds(seconds))
                    now += seconds
                }
            }
        }
    }

    @Test("bad input: every fault is named")
    func faults() {
        let table: [(RetryBudget.Configuration, [String])] = [
            (.ratio(-0.1), ["ratio: -0.1 is outside 0.0...1.0"]), (.ratio(.nan), ["ratio: nan is outside 0.0...1.0"]),
            (
                .ratio(2, minimumPerSecond: -1, window: .zero),
                [
                    "ratio: 2.0 is outside 0.0...1.0", "minimumPerSecond: -1.0 is outside 0.0...1000000.0",
                    "window: 0.0 seconds is outside 1 ms...1 hour",
                ]
            ),
            (.ratio(0.2, minimumPerSecond: .infinity), ["minimumPerSecond: inf is outside 0.0...1000000.0"]),
            (.ratio(0.2, window: .seconds(8192)), ["window: 8192.0 seconds is outside 1 ms...1 hour"]),
            (.throttle(maxTokens: 0), ["maxTokens: 0 is outside 1...1000000"]),
            (.throttle(tokenRatio: 0), ["tokenRatio: 0.0 is outside 0.001...1.0"]),
            (.quota(10, cost: 11), ["cost: 11 is outside 1...10"]),
            (.quota(0, cost: 0), ["tokens: 0 is outside 1...1000000", "cost: 0 is outside 1...1"]),
            (
                .quota(.max, cost: .min),
                ["tokens: \(Int.max) is outside 1...1000000", "cost: \(Int.min) is outside 1...\(Int.max)"]
            ),
        ]
        for (rule, expected) in table {
            let error = #expect(throws: ConfigurationError.self) { _ = try RetryBudget(rule) }
            #expect(error?.faults.map(\.description) == expected.map { "retryBudget." + $0 })
        }
    }

    @Test("the limits of the ranges work")
    func extremes() throws {
        for rule: RetryBudget.Configuration in [
            .ratio(0, minimumPerSecond: 0, window: .milliseconds(1)),
            .ratio(1, minimumPerSecond: 1_000_000, window: .seconds(3600)), .throttle(maxTokens: 1, tokenRatio: 0.001),
            .throttle(maxTokens: 1_000_000, tokenRatio: 1), .quota(1, cost: 1), .quota(1_000_000, cost: 1_000_000),
        ] {
            let budget = try RetryBudget(rule)
            for _ in 0..<100 {
                budget.deposit()
                _ = budget.tryWithdraw()
                budget.recordFailure()
                _ = budget.tryWithdrawAfterFailure()
                budget.putBack()
                budget.recordSuccess(ofRetry: true)
            }
            #expect(budget.balance >= 0 && budget.configuration == rule)
        }
    }

    @Test("a success inside, of a retry that costs what a success earns, earns nothing more", arguments: [1, 2, 14])
    func innerSuccess(cost: Int) throws {
        let budget = try RetryBudget(.quota(100, cost: cost))
        for _ in 0..<3 { #expect(budget.tryWithdraw()) }
        budget.recordInnerSuccessOfRetry()
        #expect(budget.balance == Double(100 - 3 * cost + cost - 1))
    }

    @Test("what is left out: a fifth of the calls, ten a second for ten seconds, and the rules of gRPC and AWS")
    func defaults() throws {
        #expect(try RetryBudget().configuration == .ratio(0.2))
        #expect(RetryBudget.Configuration.ratio(0.2) == .ratio(0.2, minimumPerSecond: 10, window: .seconds(10)))
        #expect(RetryBudget.Configuration.throttle() == .throttle(maxTokens: 10, tokenRatio: 0.1))
        #expect(RetryBudget.Configuration.quota() == .quota(500, cost: 14))
        let budget = try RetryBudget(.quota(100, cost: 10))
        _ = budget.tryWithdraw()
        budget.recordSuccess()
        #expect(budget.balance == 91)
    }

    @Test("what a store leaves of a quota pays for a retry only if it is the whole cost, to the millionth")
    func fractionsOfAQuota() throws {
        let budget = try RetryBudget(.quota(10, cost: 5))
        _ = budget.move(by: -5_000_001)
        #expect(!budget.tryWithdraw())
        _ = budget.move(by: 1)
        #expect(budget.tryWithdraw() && budget.balance == 0)
    }
}
