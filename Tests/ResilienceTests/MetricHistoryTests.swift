import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Totals of what a module held", .timeLimit(.minutes(30)))
struct MetricHistoryTests {
    private func successes(_ module: ResilienceModule, _ name: String = "x") -> Int? {
        let all = MetricCollection(of: [module]).samples(of: "resilience.circuit_breaker.calls")
        #expect(all.allSatisfy { !$0.labels[0].contains("#") })
        return all.first { $0.labels[0] == name && $0.labels.contains("succeeded") }
            .flatMap { if case .integer(let value) = $0.value { value } else { nil } }
    }

    private func call(_ policy: Policy, _ times: Int) async throws {
        for _ in 0..<times { try await policy.execute {} }
    }

    private let described: ConfigurationValue = [
        "policies": ["x": ["layers": [["retry": ["maxAttempts": 2]], ["circuitBreaker": [:]]]]]
    ]

    @Test("layers that a document replaces and that come back: totals never fall, and no call counts twice")
    func replaced() async throws {
        let stage = try Stage {
            Registration("x") { CircuitBreaker.layer() }
        }
        let module = stage.module
        let policy = try module.policy("x")
        try await call(policy, 5)
        #expect(successes(module) == 5)
        var expected = 5
        for round in 0..<6 {
            let document = round % 2 == 0 ? described : [:]
            #expect(stage.faults(document) == [])
            #expect(successes(module) == expected, "round \(round)")
            try await call(policy, round + 1)
            expected += round + 1
            #expect(successes(module) == expected, "round \(round)")
        }
    }

    /// Every counter that there is.
    private func counters(_ module: ResilienceModule) -> [String: Int] {
        var counters: [String: Int] = [:]
        for entry in MetricCollection(of: [module]).entries where entry.family.kind == .counter {
            guard entry.family.name != "resilience.module.configurations" else { continue }
            for sample in entry.samples {
                guard case .integer(let value) = sample.value else { continue }
                counters["\(entry.family.name) \(sample.labels)"] = value
            }
        }
        return counters
    }

    @Test("no counter of any layer falls, nor any that leads to an object, whatever is replaced or taken out")
    func everyLayer() async throws {
        let clock = ManualClock()
        let slots = try Bulkhead("slots", .init(limit: .fixed(9), partitions: ["gold": 0.5]), clock: clock)
        let tenants = try KeyedRateLimiter<Int>("tenants", .tokenBucket(100, per: .seconds(1)), clock: clock)
        func registration() -> Registration {
            Registration("x") {
                Retry.layer(.immediate, maxAttempts: 2)
                Timeout.layer(.seconds(3))
                KeyedRateLimiter<Int>.layer("keyed", .init(rule: .tokenBucket(100, per: .seconds(1)))) { _ in 1 }
                tenants[7]
                slots.partition("gold")
                RateLimiter.layer(.tokenBucket(100, per: .seconds(1)))
                AdaptiveThrottle.layer()
                Bulkhead.layer(.init(limit: .fixed(3)))
                CircuitBreaker.layer()
            }
        }
        let module = try ResilienceModule("m", clock: clock) { registration() }
        let steps: [() throws -> Void] = [
            { try module.update(.init(["policies": ["x": ["layers": ["circuitBreaker"]]]])) },
            { try module.update(.init(["policies": ["x": ["layers": [["retry": ["maxAttempts": 4]]]]]])) },
            { try module.update(.init([:])) },
            { try module.update(.init(["policies": ["x": ["layers": ["keyedRateLimiter", "circuitBreaker"]]]])) },
            {
                #expect(module.remove(Policy.self, "x"))
                try module.register(registration())
            },
            { try module.update(.init([:])) },
        ]
        var highest: [String: Int] = [:]
        for (number, step) in steps.enumerated() {
            for _ in 0..<3 { try await module.execute("x") {} }
            try step()
            for (name, value) in counters(module) {
                // What nothing of the name counts now is not told meanwhile.
                #expect(value >= highest[name] ?? 0, "step \(number): \(name)")
                highest[name] = value
            }
        }
        let all = counters(module)
        let inForce = [
            "retry.calls [\"x\", \"succeeded_without_retry\"]": 9, "timeout.calls [\"x\", \"succeeded\"]": 6,
            "keyed_rate_limiter.calls [\"keyed\", \"permitted\"]": 12,
            "keyed_rate_limiter.calls [\"tenants\", \"permitted\"]": 6, "bulkhead.calls [\"slots\", \"finished\"]": 6,
            "bulkhead.calls [\"x\", \"finished\"]": 6, "circuit_breaker.calls [\"x\", \"succeeded\"]": 15,
        ]
        for (name, value) in inForce { #expect(all["resilience.\(name)"] == value, "\(name)") }
    }

    @Test("a call that ends under layers that were replaced meanwhile counts")
    func late() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let module = stage.module
        #expect(stage.faults(described) == [])
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let running = Task { try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        #expect(stage.faults([:]) == [])
        #expect(successes(module) == 0)
        operation.release(with: .success(1))
        _ = try await running.value
        #expect(successes(module) == 1)
        #expect(successes(module) == 1)
    }

    @Test("layers that were replaced are let go of once no call runs through them, and all their calls count")
    func released() async throws {
        let with: ConfigurationValue = ["policies": ["x": ["layers": ["circuitBreaker", "retry"]]]]
        // Without a breaker: a document that has one goes on with the one that is there.
        let without: ConfigurationValue = ["policies": ["x": ["layers": ["retry"]]]]
        let stage = try Stage(with)
        let module = stage.module
        weak let breaker = try module.policy("x").circuitBreakers.first
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.hang])
        let running = Task { try await module.execute("x") { try await operation() } }
        try await operation.waitForCalls(1)
        #expect(stage.faults(without) == [])
        #expect(breaker != nil)
        operation.release(with: .success(1))
        _ = try await running.value
        // Read as the last call ended, and gone.
        stage.recorder.clear()
        #expect(breaker == nil)
        #expect(stage.faults(with) == [])
        #expect(successes(module) == 1)
        #expect(successes(module) == 1)
    }

    @Test("readings of several tasks while layers are replaced and calls run never fall, and end at the exact total")
    func contention() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let module = stage.module
        let made = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<500 where (try? await module.execute("x") { await Task.yield() }) != nil { made.add() }
                }
            }
            group.addTask { [described] in
                for round in 0..<100 {
                    #expect(stage.faults(round % 2 == 0 ? described : [:]) == [])
                    await Task.yield()
                }
            }
            for _ in 0..<2 {
                group.addTask { [self] in
                    var last = 0
                    for _ in 0..<100 {
                        let now = successes(module) ?? -1
                        #expect(now >= last)
                        last = now
                        await Task.yield()
                    }
                }
            }
        }
        #expect(made.value == 2_000 && successes(module) == 2_000)
    }

    @Test("what is taken out and registered again goes on; the same object does not count twice")
    func removed() async throws {
        let stage = try Stage { Registration("x") { CircuitBreaker.layer() } }
        let module = stage.module
        try await call(try module.policy("x"), 5)
        #expect(module.remove(Policy.self, "x"))
        #expect(successes(module) == nil)
        try module.register(Registration("x") { CircuitBreaker.layer() })
        #expect(successes(module) == 5)
        try await call(try module.policy("x"), 2)
        #expect(successes(module) == 7)

        let kept = try CircuitBreaker("y")
        try module.register(Registration("y", kept))
        try await kept.execute {}
        for _ in 0..<3 {
            #expect(module.remove(CircuitBreaker.self, "y"))
            try module.register(Registration("y", kept))
            #expect(successes(module, "y") == 1)
        }
        #expect(module.remove(CircuitBreaker.self, "y"))
        try module.register(Registration("y", CircuitBreaker.layer()))
        #expect(successes(module, "y") == 1)
    }

    @Test("what is taken out is free, and can be registered again: in code, by a document, and on first use")
    func again() async throws {
        let stage = try Stage(["policies": ["x": ["retry": ["maxAttempts": 5]]]]) {
            Registration("x") { Retry.layer() }
            Registration("limit", Bulkhead.layer(limit: 3))
            Registration(family: "hosts", by: String.self, maxKeys: 5) { CircuitBreaker.layer() }
        }
        let module = stage.module
        for _ in 0..<3 {
            #expect(module.remove(Policy.self, "x"))
            // Something else comes meanwhile, to which the document in force is applied.
            try module.register(Registration("other") { CircuitBreaker.layer() })
            #expect(module.remove(Policy.self, "other"))
            try module.register(Registration("x") { Retry.layer() })
            #expect(try module.retry("x").configuration.maxAttempts == 5)
        }
        #expect(module.remove(Bulkhead.self, "limit"))
        try module.register(Registration("limit", Bulkhead.layer(limit: 4)))
        #expect(module.remove(PolicyFamily<String>.self, "hosts"))
        try module.register(Registration(family: "hosts", by: String.self, maxKeys: 5) { CircuitBreaker.layer() })
        try module.update(.init())
        #expect(try module.retry("x").configuration.maxAttempts == 3)
    }

    @Test("what a document describes can be taken out, and a name it describes registered by code")
    func describedOnly() async throws {
        let document: ConfigurationValue = [
            "policies": ["d": ["layers": [["circuitBreaker": [:]]]]], "bulkheads": ["b": ["limit": 4]],
        ]
        let stage = try Stage(document)
        let module = stage.module
        #expect(module.remove(Policy.self, "d"))
        #expect(module.remove(Bulkhead.self, "b"))
        try module.register(Registration("d") { CircuitBreaker.layer() })
        try module.register(Registration("b", Bulkhead.layer(limit: 9)))
        #expect(try module.bulkhead("b").limit == 4)
    }
}
