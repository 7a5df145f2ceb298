import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

@Suite("Names in the braces", .timeLimit(.minutes(30)))
struct NamedTests {
    private let clock = ManualClock()

    @Test("a limiter, a bulkhead and a budget are shared by name, in any order, with the module's clock")
    func shared() async throws {
        let recorder = EventRecorder()
        let module = try ResilienceModule("shop", clock: clock, observers: [recorder]) {
            Registration("payments") {
                RateLimiter.named("outbound")
                Bulkhead.named("slots")
                Retry.layer(.immediate, maxAttempts: 2, budget: RetryBudget.named("retries"))
            }
            Registration("outbound", RateLimiter.layer(.tokenBucket(2, per: .seconds(10))))
            Registration("stock") { RateLimiter.named("outbound") }
            Registration(family: "hosts", by: Int.self, maxKeys: 10) {
                RateLimiter.named("outbound")
                CircuitBreaker.named("breaker")
            }
            Registration(hedged: "search", .init(budget: RetryBudget.named("retries"))) { Bulkhead.named("slots") }
            Registration("slots", Bulkhead.layer(.init(limit: .fixed(3))))
            Registration("breaker", CircuitBreaker.layer())
            Registration(budget: "retries", .quota(5, cost: 1))
        }
        let limiter = try module.rateLimiter("outbound")
        #expect(try module.policy("payments").strategies(RateLimiter.self)[0] === limiter)
        let slots = try module.bulkhead("slots")
        #expect(try module.policy("payments").strategies(Bulkhead.self)[0] === slots)
        let hosts = try module.family("hosts", by: Int.self)
        #expect(hosts[1].strategies(RateLimiter.self)[0] === limiter)
        let breaker = try module.circuitBreaker("breaker")
        #expect(hosts[2].circuitBreakers[0] === breaker)
        try await module.execute("payments") {}
        try await module.execute("stock") {}
        await #expect(throws: RateLimiter.RejectedError.self) { try await hosts.execute(for: 1) {} }
        clock.advance(by: .seconds(5))
        try await hosts.execute(for: 1) {}
        #expect(recorder.events(of: RateLimiter.Event.self).filter { $0.source == "outbound" }.count == 4)
        clock.advance(by: .seconds(10))
        let budget = try module.retryBudget("retries")
        await fail(try module.policy("payments"), times: 1)
        #expect(budget.totals.granted == 1)
        #expect(try module.hedgedPolicy("search").hedge.configuration.budget as? RetryBudget === budget)
        // What a document says of the one object holds for all.
        try module.update(.init(["rateLimiters": ["outbound": ["maxWait": "3s"]]]))
        #expect(hosts[1].strategies(RateLimiter.self)[0].configuration.maxWait == .seconds(3))
        #expect(module.effectiveConfiguration.document["policies"]?["payments"]?["retry"]?["budget"] == "retries")
    }

    @Test("a keyed limiter and a policy can be named too, also by what is registered later")
    func others() async throws {
        let tenants = try KeyedRateLimiter<String>("tenants", .tokenBucket(1, per: .seconds(1)), clock: clock)
        let module = try ResilienceModule("shop", clock: clock) {
            Registration("tenants", tenants)
            Registration("inner") { Timeout.layer(.seconds(1)) }
        }
        try module.register(
            Registration("outer") {
                KeyedRateLimiter<String>.named("tenants") { _ in "a" }
                Policy.named("inner")
            })
        try await module.execute("outer") {}
        await #expect(throws: RateLimiter.RejectedError.self) { try await module.execute("outer") {} }
        #expect(tenants.totals.rejected == 1)
    }

    @Test("names that are not registered are faults that say what was probably meant")
    func unknown() throws {
        let faults = faults {
            _ = try ResilienceModule("shop") {
                Registration("payments") {
                    RateLimiter.named("outbond")
                    Bulkhead.named("outbound")
                    Retry.layer(budget: RetryBudget.named("retris"))
                }
                Registration(budget: "retries")
                Registration("outbound", RateLimiter.layer(.tokenBucket(2, per: .seconds(10))))
                Registration(hedged: "search", .init(budget: RetryBudget.named("nothing"))) {
                    Timeout.layer(.seconds(1))
                }
                Registration(family: "hosts", by: Int.self, maxKeys: 1) { RateLimiter.named("x") }
                Registration("self") { Policy.named("self") }
            }
        }
        #expect(
            Set(faults) == [
                "payments.layers: \"outbond\" is the name of no registered rate limiter; did you mean outbound?",
                "payments.layers: \"outbound\" is the name of no registered bulkhead",
                "payments.retry.budget: \"retris\" is the name of no registered retry budget; did you mean retries?",
                "search.hedge.budget: \"nothing\" is the name of no registered retry budget",
                "hosts.layers: \"x\" is the name of no registered rate limiter",
                "self.layers: \"self\" is the name of no registered policy",
            ])
    }

    @Test("where there is no module, a name is a fault")
    func alone() {
        #expect(
            faults { _ = try Policy("p") { RateLimiter.named("outbound") } } == [
                "p.layers: \"outbound\" is the name of something in a module, and this is in none"
            ])
        #expect(
            faults { _ = try Policy("p") { Retry.layer(budget: RetryBudget.named("b")) } } == [
                "p.retry.budget: \"b\" is the name of something in a module, and this is in none"
            ])
        #expect(
            faults { _ = try Retry("r", .init(budget: RetryBudget.named("b"))) } == [
                "retry.budget: \"b\" is the name of a budget in a module, and this is in none"
            ])
    }

    @Test("families and policies with fallbacks share by name, and a document can say it where the layer is used")
    func named() async throws {
        let module = try ResilienceModule("m", clock: clock) {
            Registration("l", RateLimiter.layer(.tokenBucket(1, per: .seconds(10))))
            Registration("t", AdaptiveThrottle.layer())
            Registration("b", CircuitBreaker.layer(.init(trip: .consecutiveFailures(2))))
            Registration(family: "f", by: Int.self, maxKeys: 5, for: Int.self) {
                AdaptiveThrottle.named("t")
                CircuitBreaker.named("b")
                RateLimiter.named("l")
            } fallback: {
                .value(-1)
            }
            Registration(family: "g", by: Int.self, maxKeys: 5) { RateLimiter.named("l") }
            Registration("p", for: Int.self) {
                RateLimiter.named("l")
                CircuitBreaker.named("b")
            } fallback: {
                .value(-2)
            }
        }
        let f = try module.fallbackFamily("f", for: Int.self, by: Int.self)
        #expect(try await f.execute(for: 1) { 1 } == 1)
        #expect(try await f.execute(for: 2) { 1 } == -1)
        let p = try module.fallbackPolicy("p", for: Int.self)
        #expect(try await p.execute { 1 } == -2)
        clock.advance(by: .seconds(10))
        #expect(try await p.execute { 1 } == 1)
        clock.advance(by: .seconds(10))
        #expect(try await f.execute(for: 3) { 1 } == 1)
        // As a layer, of a family that has members or none, of a policy, or for itself.
        let limiter = try module.rateLimiter("l")
        let part: ConfigurationValue = ["rateLimiter": ["maxWait": "7s"]]
        for document in [
            ["families": ["f": part]], ["families": ["g": part]], ["policies": ["p": part]],
            ["templates": ["t": part], "families": ["g": ["inherits": "t"]]],
            ["rateLimiters": ["l": ["maxWait": "7s"]]],
        ] as [ConfigurationValue] {
            try module.update(.init(document))
            #expect(limiter.configuration.maxWait == .seconds(7), "\(document)")
            _ = f[7]
            try module.update(module.effectiveConfiguration)
            #expect(limiter.configuration.maxWait == .seconds(7), "\(document)")
            try module.update(.init([:]))
            #expect(limiter.configuration.maxWait == .zero, "\(document)")
        }
    }
}
