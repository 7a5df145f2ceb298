import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Looking up and first use", .timeLimit(.minutes(30)))
struct AccessTests {
    typealias UnknownNameError = ResilienceModule.UnknownNameError

    @Test("a name that is not registered is made on first use, once, and counted")
    func firstUse() async throws {
        let stage = try Stage(options: .init(firstUse: .makes(maxNames: 3)))
        let module = stage.module
        let breaker = try module.circuitBreaker("a")
        #expect(try module.circuitBreaker("a") === breaker)
        #expect(try await module.execute("b") { 1 } == 1)
        #expect(try module.policy("b").circuitBreakers.first?.totals.succeeded == 1)
        #expect(try module.retryBudget("c").configuration == .ratio(0.2))
        let error = #expect(throws: UnknownNameError.self) { try module.policy("d") }
        #expect(error?.isLimitReached == true)
        #expect(
            error?.description
                == "there is no policy \"d\"; as many have been made on first use as are allowed; did you mean \"b\"?"
                || error?.description
                    == "there is no policy \"d\"; as many have been made on first use as are allowed"
        )
        // What is there is found all the same.
        #expect(try module.circuitBreaker("a") === breaker)
    }

    @Test("many tasks that ask for one new name get one object, and no more are made than allowed")
    func concurrentFirstUse() async throws {
        let stage = try Stage(options: .init(firstUse: .makes(maxNames: 20)))
        let module = stage.module
        let found = await withTaskGroup(of: [String: ObjectIdentifier].self) { group in
            for task in 0..<8 {
                group.addTask {
                    var found: [String: ObjectIdentifier] = [:]
                    for index in 0..<40 {
                        let name = "\((index + task * 5) % 40)"
                        if let breaker = try? module.circuitBreaker(name) { found[name] = ObjectIdentifier(breaker) }
                    }
                    return found
                }
            }
            return await group.reduce(into: [String: Set<ObjectIdentifier>]()) { all, some in
                for (name, object) in some { all[name, default: []].insert(object) }
            }
        }
        #expect(found.values.allSatisfy { $0.count == 1 })
        #expect(found.count == 20 && stage.state.names.count == 20)
        #expect(stage.events.filter { $0.name == "module.registered" }.count == 20)
    }

    @Test("a strict module makes nothing and says what was probably meant")
    func strict() async throws {
        let stage = try Stage(options: .init(firstUse: .refuses)) {
            Registration("payments") { Retry.layer() }
            Registration("payouts") { Retry.layer() }
            Registration("inventory", CircuitBreaker.layer())
        }
        let module = stage.module
        let error = await #expect(throws: UnknownNameError.self) { try await module.execute("payment") { 1 } }
        #expect(error?.description == "there is no policy \"payment\"; did you mean \"payments\"?")
        #expect(error?.nearMisses.first == "payments" && error?.isLimitReached == false)
        #expect(throws: UnknownNameError.self) { try module.circuitBreaker("Inventori") }
        #expect(throws: UnknownNameError.self) { try module.retry("nothing") }
        #expect(throws: UnknownNameError.self) { try module.retryBudget("nothing") }
        #expect(throws: UnknownNameError.self) { try module.hedgedPolicy("payments") }
        #expect(throws: UnknownNameError.self) { try module.fallback("nothing", for: Int.self) }
        #expect(throws: UnknownNameError.self) { try module.family("nothing", by: Int.self) }
        #expect(stage.state.names.count == 3)
    }

    @Test("what is made on first use follows the defaults of the document, now and later")
    func defaults() async throws {
        let stage = try Stage(
            options: .init { Retry.layer() },
            ["defaults": ["retry": ["maxAttempts": 7], "retryBudget": ["ratio": 0.5]]])
        let module = stage.module
        #expect(try module.retry("a").configuration.maxAttempts == 7)
        let policy = try module.policy("b")
        #expect(policy.retries.first?.configuration.maxAttempts == 7)
        #expect(try module.retryBudget("c").configuration == .ratio(0.5))
        try module.update(.init(["defaults": ["retry": ["maxAttempts": 2]]]))
        #expect(try module.retry("a").configuration.maxAttempts == 2)
        #expect(policy.retries.first?.configuration.maxAttempts == 2)
        #expect(try module.retryBudget("c").configuration == .ratio(0.2))
        try module.update(.init())
        #expect(policy.retries.first?.configuration.maxAttempts == 3)
    }

    @Test("what has no usable default is made only if the document gives one")
    func noDefault() throws {
        let stage = try Stage()
        #expect(throws: UnknownNameError.self) { try stage.module.rateLimiter("maps") }
        try stage.module.update(
            .init(["defaults": ["rateLimiter": ["rule": ["kind": "tokenBucket", "permits": 5, "period": "1s"]]]]))
        #expect(try stage.module.rateLimiter("maps").available == 5)
    }

    @Test("a hedged policy is made on first use from the policy of its name")
    func hedged() async throws {
        let stage = try Stage(["defaults": ["hedge": ["maxHedges": 4]]]) {
            Registration("search") { CircuitBreaker.layer() }
        }
        let hedged = try stage.module.hedgedPolicy("search")
        #expect(hedged.hedge.configuration.maxHedges == 4)
        #expect(try await hedged.execute { 1 } == 1)
        #expect(try stage.module.policy("search").circuitBreakers.first?.totals.succeeded == 1)
        #expect(try stage.module.hedgedPolicy("search").hedge === hedged.hedge)
    }

    @Test("calls by name: with the context, a fallback, and the rich result")
    func calls() async throws {
        let stage = try Stage { Registration("x") { Retry.layer(.immediate, maxAttempts: 2) } }
        let module = stage.module
        #expect(try await module.execute("x") { context in context.attempt } == 1)
        #expect(
            try await module.execute("x") {
                throw InjectedFailure()
            } fallback: { _ in
                5
            } == 5)
        let run = try await module.run("x") { throw InjectedFailure() } as Execution<Int>
        #expect(run.attempts == 2 && run.policyName == "x")
        let covered = try await module.run("x") {
            throw InjectedFailure()
        } fallback: { _ in
            6
        }
        #expect(covered.value == 6 && covered.isServedByFallback)
        #expect(try await module.execute("x", accepting: { $0 > 1 }) { 1 } == 1)
        #expect(try module.retry("x").totals.calls == 5)
        #expect(try await module.admit("by hand") { 8 } == 8)
    }
}
