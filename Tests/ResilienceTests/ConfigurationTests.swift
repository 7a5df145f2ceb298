import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Configuration documents", .timeLimit(.minutes(30)))
struct ConfigurationTests {
    private func payments(_ document: ConfigurationValue = [:]) throws -> Stage {
        try Stage(document) {
            Registration("payments") {
                Timeout.layer(.seconds(10))
                Retry.layer(.immediate, maxAttempts: 3)
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(5)))
                Timeout.layer(.seconds(1))
            }
            Registration("inventory", CircuitBreaker.layer(.init(trip: .consecutiveFailures(4))))
        }
    }

    @Test("a document overrides what code declares, and what is taken out of it goes back to that")
    func overrides() throws {
        let stage = try payments([
            "policies": ["payments": ["retry": ["maxAttempts": 6], "timeout": ["2s", nil]]],
            "circuitBreakers": ["inventory": ["trip": ["consecutiveFailures": 9]]],
        ])
        let policy = try stage.module.policy("payments")
        #expect(policy.retries[0].configuration.maxAttempts == 6)
        #expect(policy.timeouts.map(\.configuration.document) == ["2s", "1s"])
        #expect(
            try stage.module.circuitBreaker("inventory").configuration.document["trip"] == ["consecutiveFailures": 9])
        try stage.module.update(.init(["policies": ["payments": ["timeout": [nil, "3s"]]]]))
        #expect(policy.retries[0].configuration.maxAttempts == 3)
        #expect(policy.timeouts.map(\.configuration.document) == ["10s", "3s"])
        #expect(
            try stage.module.circuitBreaker("inventory").configuration.document["trip"] == ["consecutiveFailures": 4])
    }

    @Test("all faults of a document are reported at once, each with its path, and nothing is changed")
    func allFaults() throws {
        let stage = try payments(["policies": ["payments": ["retry": ["maxAttempts": 5]]]])
        let before = stage.state
        let found = stage.faults([
            "defaults": ["circuitBreaker": ["window": ["calls": 0]], "rety": [:]],
            "templates": [
                "careful": ["inherits": "carefull", "retry": ["maxAttempts": "many"]],
                "loop": ["inherits": ["loop2"]], "loop2": ["inherits": "loop"],
            ],
            "circuitBreakers": ["inventory": ["trip": ["consecutiveFailures": 0], "brekLength": "1s"]],
            "policies": [
                "payments": [
                    "inherits": "careful", "retry": ["maxAttempts": 0], "timeout": "5s", "rateLimiter": [:],
                ],
                "paymets": ["retry": ["maxAttempts": 1]],
                "new": ["layers": []],
                "newer": [
                    "layers": ["retry", "circuitBraker", ["timeout": "x"], ["circuitBreaker": ["shared": "inventor"]]]
                ],
            ],
            "hedges": ["serch": [:]],
            "families": ["hosts": [:]],
            "retryBudgets": ["b": ["ratio": 3]],
            "keyedRateLimiters": ["k": [:]],
            "polices": [:],
        ])
        #expect(
            found.sorted() == [
                "circuitBreakers.inventory.brekLength: \"1s\" is for an unknown key; did you mean breakLength?",
                "circuitBreakers.inventory.trip.consecutiveFailures: 0 is below 1",
                "defaults.circuitBreaker.window.calls: 0 is outside 1...1048576",
                "defaults.rety: {} is for an unknown key; did you mean retry?",
                "families.hosts: {} is for a policy family that is not registered; register it in code first",
                "hedges.serch: {} is for calls of a policy that is not registered",
                "keyedRateLimiters.k: {} is for a keyed rate limiter that is not registered; register it in code first",
                "polices: {} is for an unknown key; did you mean policies?",
                "policies.new.layers: [] is empty; a policy has at least one layer",
                "policies.newer.layers[1]: \"circuitBraker\" is the key of no pattern; did you mean circuitBreaker?",
                "policies.newer.layers[3].circuitBreaker.shared: \"inventor\" is for a circuit breaker that is not "
                    + "registered; did you mean inventory?",
                "policies.payments.rateLimiter: {} is for a layer that the policy does not have; it has timeout, retry, "
                    + "circuitBreaker, timeout",
                "policies.payments.retry.maxAttempts: 0 is below 1",
                "policies.payments.timeout: \"5s\" is for one layer, of which the policy has 2; write a list, null for "
                    + "what stays",
                "policies.paymets: {…} is for a policy that is not registered; did you mean payments?; one that only the "
                    + "document describes needs layers",
                "retryBudgets.b.ratio: 3 is outside 0.0...1.0",
                "templates.careful.inherits: \"carefull\" is the name of no template; did you mean careful?",
                "templates.careful.retry.maxAttempts: \"many\" is not a whole number",
                "templates.loop.inherits[0]: \"loop2\" inherits from itself",
                "templates.loop2.inherits: \"loop\" inherits from itself",
            ])
        #expect(stage.state == before)
        #expect(throws: ConfigurationError.self) { try stage.module.validate(.init(["x": 1])) }
        #expect(stage.state == before)
        #expect(!stage.events.contains { $0.name == "module.reload_failed" })
    }

    @Test("the path of a fault is that of the place the value stands in")
    func path() throws {
        let stage = try payments()
        #expect(
            stage.faults(["policies": ["payments": ["retry": ["maxAttempts": 0]]]]) == [
                "policies.payments.retry.maxAttempts: 0 is below 1"
            ])
    }

    @Test("templates are inherited, the later over the earlier, and what stands in the policy over them all")
    func templates() throws {
        let stage = try Stage([
            "templates": [
                "base": ["retry": ["maxAttempts": 2, "maxDelay": "3s"], "circuitBreaker": ["slowCallDuration": "1s"]],
                "careful": ["inherits": "base", "retry": ["maxAttempts": 4]],
                "hasty": ["retry": ["maxDelay": "1s"]],
            ],
            "policies": [
                "a": ["inherits": ["careful", "hasty"]], "b": ["inherits": "careful", "retry": ["maxAttempts": 9]],
            ],
            "circuitBreakers": ["c": ["inherits": "base"]],
        ]) {
            Registration("a") { Retry.layer() }
            Registration("b") {
                Retry.layer()
                CircuitBreaker.layer()
            }
            Registration("c", CircuitBreaker.layer())
        }
        let (a, b) = (try stage.module.retry("a").configuration, try stage.module.retry("b").configuration)
        #expect(a.maxAttempts == 4 && a.maxDelay == .seconds(1))
        #expect(b.maxAttempts == 9 && b.maxDelay == .seconds(3))
        #expect(try stage.module.circuitBreaker("b").configuration.slowCallDuration == .seconds(1))
        #expect(try stage.module.circuitBreaker("c").configuration.slowCallDuration == .seconds(1))
    }

    @Test("defaults hold for what the document describes or first use makes, not for what code declares")
    func defaults() throws {
        let stage = try Stage([
            "defaults": ["retry": ["maxAttempts": 8]],
            "policies": ["new": ["layers": ["retry"]], "own": ["layers": [["retry": ["maxAttempts": 2]]]]],
            "retries": ["alone": [:]],
        ]) {
            Registration("code") { Retry.layer() }
        }
        #expect(try stage.module.retry("new").configuration.maxAttempts == 8)
        #expect(try stage.module.retry("own").configuration.maxAttempts == 2)
        #expect(try stage.module.retry("alone").configuration.maxAttempts == 8)
        #expect(try stage.module.retry("code").configuration.maxAttempts == 3)
    }

    @Test("a document describes policies, breakers, budgets and hedges of its own, and takes them out again")
    func described() async throws {
        let stage = try Stage([
            "retryBudgets": ["spare": ["kind": "quota", "tokens": 50]],
            "circuitBreakers": ["shared": ["trip": ["consecutiveFailures": 2]]],
            "policies": [
                "a": [
                    "layers": [
                        ["retry": ["budget": "spare", "handles": "none"]], ["circuitBreaker": ["shared": "shared"]],
                    ]
                ],
                "b": ["layers": [["circuitBreaker": ["shared": "shared"]], ["timeout": "1s"]]],
            ],
            "hedges": ["a": ["maxHedges": 3]],
        ])
        let module = stage.module
        let (a, b) = (try module.policy("a"), try module.policy("b"))
        #expect(a.description == "Retry(3) → CircuitBreaker(shared)")
        #expect(a.circuitBreakers.first === b.circuitBreakers.first)
        let spare = try module.retryBudget("spare")
        #expect(a.retries.first?.configuration.budget as? RetryBudget === spare)
        #expect(try module.hedgedPolicy("a").hedge.configuration.maxHedges == 3)
        #expect(try await module.hedgedPolicy("a").execute { 1 } == 1)
        await fail(b, times: 2)
        await #expect(throws: CircuitBreaker.OpenError.self) { try await a.execute { 1 } }
        try module.update(.init(["policies": ["b": ["layers": ["timeout"]]]]))
        #expect(stage.state.names == ["policy b: [\"timeout\"]"])
        #expect(try await b.execute { 2 } == 2)
        // Those who hold what was taken out may go on using it.
        await #expect(throws: CircuitBreaker.OpenError.self) { try await a.execute { 1 } }
        try module.update(.init())
        #expect(stage.state.names == [])
        // A name that only an earlier document gave to a budget is gone.
        #expect(
            stage.faults(["policies": ["c": ["layers": [["retry": ["budget": "spare", "backoff": "0s"]]]]]]) == [
                "policies.c.layers[0].retry.budget: \"spare\" is the name of no budget"
            ])
    }

    @Test("what an earlier document described cannot be shared once the document does not describe it")
    func sharingWhatGoes() throws {
        let stage = try Stage(["circuitBreakers": ["x": [:]], "retryBudgets": ["y": [:]]])
        #expect(
            stage.faults([
                "policies": [
                    "p": ["layers": [["circuitBreaker": ["shared": "x"]]]],
                    "q": ["layers": [["retry": ["budget": "y"]]]],
                ]
            ]).count == 2)
        #expect(stage.state.names.count == 2)
    }

    @Test("layers can be replaced by a document, keeping the strategies that stay; and come back")
    func layers() async throws {
        let stage = try payments()
        let policy = try stage.module.policy("payments")
        await fail(policy, times: 2)
        let breaker = try #require(policy.circuitBreakers.first)
        #expect(breaker.state == .open)
        try stage.module.update(
            .init([
                "policies": [
                    "payments": [
                        "layers": [
                            "circuitBreaker",
                            [
                                "rateLimiter": [
                                    "rule": ["kind": "tokenBucket", "permits": 2, "period": "1s"]
                                ]
                            ],
                        ]
                    ]
                ]
            ]))
        #expect(policy.description == "CircuitBreaker(payments) → RateLimiter(payments)")
        #expect(policy.circuitBreakers.first === breaker && breaker.state == .open)
        try stage.module.update(.init())
        #expect(policy.description == "Timeout(10s) → Retry(3) → CircuitBreaker(payments) → Timeout(1s)")
        #expect(policy.circuitBreakers.first === breaker && breaker.state == .open)
    }

    @Test("the declared layers named by a document are those that code made, not new ones")
    func sameLayers() throws {
        let stage = try payments()
        let before = try stage.module.policy("payments").layers.map(\.description)
        let breaker = try stage.module.circuitBreaker("payments")
        try stage.module.update(
            .init([
                "policies": [
                    "payments": [
                        "layers": ["timeout", ["retry": ["maxAttempts": 3]], "circuitBreaker", ["timeout": "1s"]]
                    ]
                ]
            ]))
        #expect(try stage.module.policy("payments").layers.map(\.description) == before)
        #expect(try stage.module.circuitBreaker("payments") === breaker)
    }

    @Test("a strategy of the user's own cannot be replaced by a document")
    func unknownLayer() throws {
        struct Own: Strategy {
            func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
                try await next(context)
            }
        }
        let stage = try Stage {
            Registration("x") {
                Own()
                Retry.layer()
            }
        }
        #expect(
            stage.faults(["policies": ["x": ["layers": ["timeout"]]]]) == [
                "policies.x.layers: […] cannot replace layers with one that documents do not know, Own"
            ])
        try stage.module.update(.init(["policies": ["x": ["layers": [["retry": ["maxAttempts": 5]]]]]]))
        #expect(try stage.module.policy("x").description == "Own → Retry(5)")
    }

    @Test("a strict module takes no document that describes what is not registered")
    func strict() throws {
        let stage = try Stage(options: .init(firstUse: .refuses)) { Registration("payments") { Retry.layer() } }
        #expect(
            stage.faults([
                "policies": ["payment": ["layers": ["retry"]]], "circuitBreakers": ["x": [:]],
                "hedges": ["payments": [:]],
            ]) == [
                "circuitBreakers.x: {} is for a circuit breaker that is not registered",
                "policies.payment: {…} is for a policy that is not registered; did you mean payments?",
                "hedges.payments: {} is for a hedged policy that is not registered",
            ])
    }

    @Test("hedges, fallbacks around policies, keyed limiters and families are retuned by their sections")
    func otherSections() async throws {
        let limiter = try RateLimiter.keyed()
        let stage = try Stage([
            "templates": ["t": ["hedge": ["maxHedges": 5], "retry": ["maxAttempts": 2, "backoff": "0s"]]],
            "hedges": ["search": ["inherits": "t", "delay": "50ms"]],
            "keyedRateLimiters": ["tenants": ["maxWait": "1s"]],
            "families": ["hosts": ["inherits": "t", "circuitBreaker": ["trip": ["consecutiveFailures": 1]]]],
        ]) {
            Registration(hedged: "search") { CircuitBreaker.layer() }
            Registration("tenants", limiter)
            Registration(family: "hosts", by: String.self, maxKeys: 10) {
                Retry.layer()
                CircuitBreaker.layer()
            }
        }
        let module = stage.module
        let hedge = try module.hedgedPolicy("search").hedge
        #expect(hedge.configuration.maxHedges == 5 && hedge.currentDelay == .milliseconds(50))
        #expect(limiter.configuration.maxWait == .seconds(1))
        let hosts = try module.family("hosts", by: String.self)
        let (old, member) = (hosts["a"], try #require(hosts["a"].retries.first))
        #expect(member.configuration.maxAttempts == 2)
        await fail(old, times: 1)
        #expect(hosts.openKeyCount == 1)
        try module.update(.init(["families": ["hosts": ["retry": ["maxAttempts": 8]]]]))
        #expect(member.configuration.maxAttempts == 8 && hosts["b"].retries.first?.configuration.maxAttempts == 8)
        #expect(hedge.configuration.maxHedges == 1 && limiter.configuration.maxWait == .zero)
        #expect(
            stage.faults(["families": ["hosts": ["layers": ["retry"], "timeout": "1s"]]]) == [
                "families.hosts.layers: […] cannot replace the layers of a policy family",
                "families.hosts.timeout: \"1s\" is for a layer that the policy does not have; it has retry, circuitBreaker",
            ])
        #expect(member.configuration.maxAttempts == 8)
    }

    @Test("the document of what is in force changes nothing, and says all that can be changed")
    func effective() throws {
        let stage = try payments([
            "retryBudgets": ["spare": ["ratio": 0.5]],
            "policies": [
                "payments": ["retry": ["maxAttempts": 5, "budget": "spare"], "timeout": ["2s", nil]],
                "new": [
                    "layers": [["retry": ["budget": ["ratio": 0.3]]], ["circuitBreaker": ["shared": "inventory"]]]
                ],
            ],
        ])
        let document = stage.module.effectiveConfiguration.document
        #expect(document["policies"]?["payments"]?["retry"]?["maxAttempts"] == 5)
        #expect(document["policies"]?["payments"]?["retry"]?["budget"] == "spare")
        #expect(document["policies"]?["payments"]?["timeout"] == ["2s", "1s"])
        #expect(document["retryBudgets"]?["spare"]?["ratio"] == 0.5)
        let retry = try stage.module.retry("new")
        let budget = retry.configuration.budget as? RetryBudget
        try stage.module.update(.init(document))
        #expect(stage.module.effectiveConfiguration.document == document)
        #expect(retry.configuration.budget as? RetryBudget === budget)
    }

    @Test("many that inherit from each other are read in no more time than they take to write")
    func exponential() throws {
        var templates: [String: ConfigurationValue] = [:]
        for index in 1...31 {
            let parent = ConfigurationValue.string("t\(index - 1)")
            templates["t\(index)"] = ["inherits": [parent, parent]]
        }
        templates["t0"] = ["retry": ["maxAttempts": 2]]
        let stage = try Stage([
            "templates": .object(templates), "policies": ["x": ["layers": ["retry"], "inherits": ["t31"]]],
        ])
        #expect(try stage.module.retry("x").configuration.maxAttempts == 2)
    }

    @Test("decoded and encoded in any format, a configuration stays what it is")
    func codable() throws {
        let configuration = ResilienceModule.Configuration(["policies": ["a": ["timeout": "1s"]]])
        #expect(try JSON.decode(ResilienceModule.Configuration.self, JSON.encode(configuration)) == configuration)
    }
}

extension RateLimiter {
    fileprivate static func keyed() throws -> KeyedRateLimiter<String> {
        try KeyedRateLimiter<String>("tenants", .tokenBucket(5, per: .seconds(1)))
    }
}
