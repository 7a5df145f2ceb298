import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Retuning keeps state", .timeLimit(.minutes(30)))
struct RetuneTests {
    @Test("X-19: a breaker's window stays when its threshold changes, and the next result is judged by the new one")
    func breaker() async throws {
        let stage = try Stage {
            Registration("x") { CircuitBreaker.layer(.init(trip: .failureRate(0.9, minimumCalls: 4))) }
        }
        let policy = try stage.module.policy("x")
        let breaker = try #require(policy.circuitBreakers.first)
        await fail(policy, times: 2)
        for _ in 0..<2 { try await policy.execute {} }
        try stage.module.update(
            .init(["policies": ["x": ["circuitBreaker": ["trip": ["failureRate": 0.6, "minimumCalls": 4]]]]]))
        #expect(breaker.state == .closed && breaker.counts.failures == 2 && breaker.counts.calls == 4)
        await fail(policy, times: 1)
        #expect(breaker.state == .open && breaker.counts.failures <= 3)
    }

    @Test("a break that lasts goes on when the document is put in force again, changed elsewhere or not at all")
    func openBreaker() throws {
        let document: ConfigurationValue = ["policies": ["x": ["circuitBreaker": ["breakLength": "10s"]]]]
        let stage = try Stage(document) { Registration("x") { CircuitBreaker.layer() } }
        let breaker = try stage.module.circuitBreaker("x")
        breaker.open()
        stage.clock.advance(by: .seconds(4))
        try stage.module.update(.init(document))
        try stage.module.update(
            .init(["policies": ["x": ["circuitBreaker": ["breakLength": "10s"]]], "circuitBreakers": ["other": [:]]]))
        #expect(breaker.remainingBreak == .seconds(6))
    }

    @Test("a budget keeps its tokens, whether it has a name, is described in its place, or changes its rule")
    func budgets() throws {
        func document(_ tokens: Int, attempts: Int) -> ConfigurationValue {
            [
                "retryBudgets": ["named": ["kind": "quota", "tokens": .integer(tokens), "cost": 1]],
                "policies": [
                    "a": ["layers": [["retry": ["budget": "named", "maxAttempts": .integer(attempts)]]]],
                    "b": [
                        "layers": [
                            [
                                "retry": [
                                    "budget": ["kind": "quota", "tokens": .integer(tokens), "cost": 1],
                                    "maxAttempts": .integer(attempts),
                                ]
                            ]
                        ]
                    ],
                ],
            ]
        }
        let stage = try Stage(document(10, attempts: 3))
        let module = stage.module
        let named = try module.retryBudget("named")
        let own = try #require(module.retry("b").configuration.budget as? RetryBudget)
        for budget in [named, own] { for _ in 0..<4 { #expect(budget.tryWithdraw()) } }
        for (tokens, attempts) in [(10, 3), (10, 4), (20, 4), (8, 5)] {
            try module.update(.init(document(tokens, attempts: attempts)))
            #expect(try module.retry("a").configuration.budget as? RetryBudget === named)
            #expect(try module.retry("b").configuration.budget as? RetryBudget === own)
            #expect(named.balance == 6 && own.balance == 6, "\(tokens), \(attempts)")
            #expect(own.configuration == .quota(tokens, cost: 1) && named.configuration == own.configuration)
        }
        #expect(own.totals.granted == 4)
    }

    @Test("a budget that a document describes in its place runs on the module's clock")
    func budgetClock() throws {
        let stage = try Stage([
            "policies": [
                "a": ["layers": [["retry": ["budget": ["ratio": 1, "minimumPerSecond": 0, "window": "10s"]]]]]
            ]
        ])
        let budget = try #require(stage.module.retry("a").configuration.budget as? RetryBudget)
        budget.deposit()
        #expect(budget.balance == 1)
        stage.clock.advance(by: .seconds(11))
        #expect(budget.balance == 0)
    }

    @Test("a limiter keeps what was taken, a bulkhead the calls that are in it")
    func limiter() throws {
        let stage = try Stage {
            Registration("maps", RateLimiter.layer(.tokenBucket(10, per: .seconds(1))))
        }
        let limiter = try stage.module.rateLimiter("maps")
        for _ in 0..<8 { #expect(limiter.tryAcquire()) }
        try stage.module.update(.init(["rateLimiters": ["maps": ["maxWait": "1s"]]]))
        #expect(limiter.available == 2 && limiter.configuration.maxWait == .seconds(1))
    }

    @Test("settings that the user changed by hand stay until the document says something else")
    func byHand() throws {
        let stage = try Stage { Registration("x") { Retry.layer(.immediate, maxAttempts: 3) } }
        let retry = try stage.module.retry("x")
        try retry.update(.init(backoff: .immediate, maxAttempts: 7))
        try stage.module.register(Registration(budget: "other"))
        try stage.module.update(.init(["policies": ["x": ["retry": ["maxAttempts": 4]]]]))
        #expect(retry.configuration.maxAttempts == 4)
    }
}
