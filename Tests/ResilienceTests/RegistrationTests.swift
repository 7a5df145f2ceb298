import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Registration", .timeLimit(.minutes(30)))
struct RegistrationTests {
    @Test("everything that is declared is found by its type and name")
    func declared() async throws {
        let shared = try CircuitBreaker("shared")
        let stage = try Stage {
            Registration("payments") {
                Retry.layer()
                CircuitBreaker.layer()
            }
            Registration("inventory", CircuitBreaker.layer())
            Registration("maps", RateLimiter.layer(.tokenBucket(10, per: .seconds(1))))
            Registration("shared", shared)
            Registration(budget: "retries", .quota(100))
            Registration(hedged: "search", .init(maxHedges: 2)) { CircuitBreaker.layer() }
            Registration(fallback: "quotes", for: Int.self) { .value(7) }
            Registration("rates", for: String.self) {
                CircuitBreaker.layer()
            } fallback: {
                .value("none")
            }
            Registration(family: "hosts", by: String.self, maxKeys: 10) { CircuitBreaker.layer() }
        }
        let module = stage.module
        #expect(try module.policy("payments").description == "Retry(3) → CircuitBreaker(payments)")
        #expect(try module.circuitBreaker("inventory").name == "inventory")
        #expect(try module.rateLimiter("maps").available == 10)
        #expect(try module.circuitBreaker("shared") === shared)
        #expect(try module.retryBudget("retries").configuration == .quota(100))
        #expect(try module.hedgedPolicy("search").hedge.configuration.maxHedges == 2)
        #expect(try module.policy("search").circuitBreakers.count == 1)
        #expect(try await module.fallback("quotes", for: Int.self).execute { throw InjectedFailure() } == 7)
        #expect(
            try await module.fallbackPolicy("rates", for: String.self).execute { throw InjectedFailure() } == "none")
        #expect(try module.fallback("rates", for: String.self).totals.served == 1)
        #expect(try module.policy("rates").circuitBreakers.count == 1)
        #expect(try module.family("hosts", by: String.self).maxKeys == 10)
        #expect(module.policyNames == ["payments", "search", "rates"])
        // The breaker of a policy goes by its name, too.
        #expect(try module.circuitBreaker("payments") === module.policy("payments").circuitBreakers.first)
    }

    @Test("the builder takes conditions, loops and arrays")
    func builder() throws {
        let names = ["a", "b"]
        func more(_ isWanted: Bool) throws -> [String] {
            try Stage {
                for name in names { Registration(name, CircuitBreaker.layer()) }
                if isWanted { Registration("wanted") { Retry.layer() } }
                if isWanted {
                    [Registration("c", CircuitBreaker.layer())]
                } else {
                    Registration("d", CircuitBreaker.layer())
                }
            }.state.names
        }
        #expect(
            try more(true) == [
                "policy wanted: [\"retry\"]", "circuit breaker a", "circuit breaker b", "circuit breaker c",
            ])
        #expect(try more(false) == ["circuit breaker a", "circuit breaker b", "circuit breaker d"])
    }

    @Test("all faults of all registrations, the options and the configuration are reported at once")
    func faultsAtOnce() throws {
        let found = faults {
            _ = try ResilienceModule(
                options: .init(firstUse: .makes(maxNames: -1), gracePeriod: .seconds(-1)),
                configuration: .init(["policies": ["payments": ["retry": ["maxAttempts": 0]]]])
            ) {
                Registration("payments") { Retry.layer(.immediate, maxAttempts: 2) }
                Registration("inventory", CircuitBreaker.layer(.init(trip: .consecutiveFailures(0))))
                Registration(budget: "b", .ratio(2))
                Registration(family: "f", by: Int.self, maxKeys: 0) { Retry.layer(.immediate, maxAttempts: 0) }
                Registration(hedged: "h", .init(maxHedges: 0)) { CircuitBreaker.layer() }
                Registration(fallback: "q", for: Int.self) {}
                Registration("payments") { Retry.layer() }
            }
        }
        #expect(
            found == [
                "options.firstUse: -1 is below 1",
                "options.gracePeriod: -1.0 seconds is outside 0 s...292 years",
                "inventory.circuitBreaker.trip.consecutiveFailures: 0 is below 1",
                "b.retryBudget.ratio: 2.0 is outside 0.0...1.0",
                "f.maxKeys: 0 is outside 1...1000000",
                "f.retry.maxAttempts: 0 is below 1",
                "h.hedge.maxHedges: 0 is outside 1...10",
                "q.fallback.steps: 0 is below 1",
                "registrations: policy \"payments\" is there twice",
                "policies.payments.retry.maxAttempts: 0 is below 1",
            ])
    }

    @Test("a name is taken once for each kind, and another kind may have it")
    func duplicates() throws {
        let stage = try Stage { Registration("x") { Retry.layer() } }
        try stage.module.register(Registration("x", CircuitBreaker.layer()))
        #expect(
            faults { try stage.module.register(Registration("x") { Retry.layer() }) } == [
                "registrations: policy \"x\" is there twice"
            ])
        // Half of a hedged policy is there: nothing of it is registered.
        #expect(
            faults { try stage.module.register(Registration(hedged: "x") { Retry.layer() }) } == [
                "registrations: policy \"x\" is there twice"
            ])
        #expect(throws: ResilienceModule.UnknownNameError.self) {
            try stage.module.component(HedgedPolicy.self, "x")
        }
        // Of one kind, whatever their value.
        try stage.module.register(Registration(fallback: "y", for: Int.self) { .value(1) })
        #expect(
            faults { try stage.module.register(Registration(fallback: "y", for: String.self) { .value("") }) } == [
                "registrations: fallback \"y\" is there twice"
            ])
    }

    @Test("what is registered later follows the document in force, or is not registered")
    func registeredLater() throws {
        let stage = try Stage(["defaults": ["retry": ["maxAttempts": 9]]]) {
            Registration("first") { Retry.layer() }
        }
        try stage.module.register(Registration(budget: "spare"))
        #expect(stage.events.map(\.name) == ["module.registered", "module.reloaded", "module.registered"])
        #expect(stage.module.configuration.document["defaults"] != nil)
        #expect(stage.module.remove(RetryBudget.self, "spare"))
        #expect(!stage.module.remove(RetryBudget.self, "spare"))
        #expect(stage.events.last?.description == "resilience module \"test\" removed retry budget \"spare\"")
    }

    @Test("a component of the user's own is held by its type; asking for another is a clear error")
    func ownTypes() throws {
        struct Pool: Sendable, Equatable { var size = 3 }
        let stage = try Stage {
            Registration("pool", Pool())
            Registration("number", 5)
            Registration(fallback: "quotes", for: Int.self) { .value(1) }
        }
        #expect(try stage.module.component(Pool.self, "pool") == Pool())
        #expect(try stage.module.component(Int.self, "number") == 5)
        let error = #expect(throws: ResilienceModule.UnknownNameError.self) {
            try stage.module.component(Int.self, "pool")
        }
        #expect(error?.description == "there is no Int \"pool\"")
        let other = #expect(throws: ResilienceModule.UnknownNameError.self) {
            try stage.module.fallback("quotes", for: String.self)
        }
        #expect(other?.description == "the fallback \"quotes\" is a KeyedFallback<NoKey, Int>")
    }

    @Test("a policy, a hedged policy and one with a fallback that exist already are put behind the gate")
    func existing() async throws {
        let policy = try Policy("plain") { CircuitBreaker.layer() }
        let (hedge, fallback) = (try policy.hedged(), try policy.fallback(Int.self) { .value(1) })
        let stage = try Stage {
            Registration(policy)
            Registration("alias", policy)
            Registration("hedged", hedge)
            Registration("covered", fallback)
        }
        _ = await stage.module.shutdown()
        for name in ["plain", "alias", "hedged", "covered"] {
            await #expect(throws: ResilienceModule.ShutdownError.self) {
                try await stage.module.execute(name) { Issue.record("let in: \(name)") }
            }
        }
        let hedged = try stage.module.hedgedPolicy("hedged")
        await #expect(throws: ResilienceModule.ShutdownError.self) {
            try await hedged.execute { Issue.record("let in") }
        }
        let covered = try stage.module.fallbackPolicy("covered", for: Int.self)
        await #expect(throws: ResilienceModule.ShutdownError.self) {
            try await covered.execute {
                Issue.record("let in")
                return 2
            }
        }
        // The form that the user kept is not the module's.
        #expect(try await policy.execute { 3 } == 3)
    }
}
