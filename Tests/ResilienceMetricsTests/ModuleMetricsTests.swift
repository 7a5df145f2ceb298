#if Metrics
    import CoreMetrics
    import MetricsTestKit
    import Resilience
    import ResilienceMetrics
    import ResilienceTesting
    import Testing

    @Suite("Metrics: module", .timeLimit(.minutes(30)))
    struct ModuleMetricsTests {
        private let clock = ManualClock()
        private let backend = TestMetrics()

        private func module() throws -> ResilienceModule {
            try ResilienceModule("shop", clock: clock) {
                Registration("payments") { CircuitBreaker.layer() }
            }
        }

        private func calls(_ kind: String = "succeeded") throws -> TestCounter {
            try backend.expectCounter("resilience.circuit_breaker.calls", [("name", "payments"), ("kind", kind)])
        }

        @Test("X-22: everything registered is there at once, and what is registered later is then")
        func registration() throws {
            let module = try module()
            module.publishMetrics(to: backend)
            #expect(try calls().totalValue == 0)
            try module.register(Registration("inventory", CircuitBreaker.layer()))
            let closed = try backend.expectMeter(
                "resilience.circuit_breaker.state", [("name", "inventory"), ("state", "closed")])
            #expect(closed.values == [1])
            _ = try module.circuitBreaker("first use")
            #expect(
                backend.meters(label: "resilience.circuit_breaker.state").filter { $0.dimensions[0].1 == "first use" }
                    .count == CircuitBreaker.State.allCases.count)
        }

        @Test("values are published again and again while the module runs, and a last time at its end")
        func running() async throws {
            let module = try module()
            module.publishMetrics(to: backend, every: .seconds(5))
            let running = Task { try await module.run() }
            try await clock.waitForSleepers(1)
            for expected in 1...3 {
                try await module.execute("payments") {}
                #expect(try calls().totalValue == expected - 1)
                clock.advance(by: .seconds(5))
                try await clock.waitForSleepers(1)
                #expect(try calls().totalValue == Int64(expected))
            }
            try await module.execute("payments") {}
            await module.shutdown()
            try await running.value
            #expect(try calls().values == [1, 1, 1, 1])
        }

        @Test("durations of the module's calls go to timers")
        func durations() async throws {
            let module = try module()
            module.publishMetrics(to: backend)
            try await module.execute("payments") { clock.advance(by: .milliseconds(40)) }
            let timer = try backend.expectTimer(
                "resilience.policy.call_duration", [("name", "payments"), ("kind", "succeeded")])
            #expect(timer.values == [40_000_000])
        }

        @Test("what is taken out of the module is destroyed with the next publication")
        func removal() throws {
            let module = try module()
            let publisher = module.publishMetrics(to: backend)
            module.remove(Policy.self, "payments")
            #expect(!backend.meters(label: "resilience.circuit_breaker.state").isEmpty)
            publisher.publish()
            #expect(backend.meters(label: "resilience.circuit_breaker.state").isEmpty)
            #expect(backend.counters(label: "resilience.circuit_breaker.calls").isEmpty)
        }

        @Test("budgets that have no name but that of their registration are published, and the module itself")
        func budgets() throws {
            let module = try module()
            try module.register(Registration(budget: "spare", .quota(10, cost: 1)))
            let publisher = module.publishMetrics(to: backend)
            try module.register(Registration(budget: "late", .quota(20, cost: 1)))
            for (name, tokens) in [("spare", 10.0), ("late", 20)] {
                let meter = try backend.expectMeter("resilience.retry_budget.tokens", [("name", name)])
                #expect(meter.values == [tokens])
            }
            #expect(try module.retryBudget("spare").tryWithdraw())
            publisher.publish()
            #expect(try backend.expectMeter("resilience.retry_budget.tokens", [("name", "spare")]).values == [10, 9])
            let state = try backend.expectMeter("resilience.module.state", [("name", "shop"), ("state", "idle")])
            #expect(state.values == [1, 1])
        }

        @Test("two backends, and metrics of others that observe the module, do not count a call twice")
        func severalObservers() async throws {
            let (module, other) = (try module(), TestMetrics())
            module.addObserver(CallMetrics())
            let publishers = [module.publishMetrics(to: backend), module.publishMetrics(to: other)]
            try await module.execute("payments") {}
            for publisher in publishers { publisher.publish() }
            for backend in [backend, other] {
                let names = Set(backend.counters(label: "resilience.policy.calls").map { $0.dimensions[0].1 })
                #expect(names == ["payments"])
            }
        }

        @Test("one backend is told once, however many ask for it and whatever else is added to the publisher")
        func sameBackend() async throws {
            let (own, outside) = (CallMetrics(), CallMetrics())
            let module = try ResilienceModule("shop", clock: clock, observers: [own]) {
                Registration("payments") { CircuitBreaker.layer() }
                Registration(budget: "spare", .quota(10, cost: 1))
            }
            let publisher = module.publishMetrics(to: backend)
            #expect(module.publishMetrics(to: backend) === publisher)
            module.addObserver(outside)
            publisher.add(module)
            publisher.add(own)
            publisher.add(outside)
            publisher.add(try module.policy("payments"))
            publisher.add(try module.retryBudget("spare").metrics(named: "mine"))
            try await module.execute("payments") { clock.advance(by: .milliseconds(40)) }
            publisher.publish()
            let dimensions = backend.counters.map(\.dimensions) + backend.meters.map(\.dimensions)
            let names = Set(dimensions.map { $0[0].1 })
            #expect(names == ["shop", "payments", "spare"])
            let calls = try backend.expectCounter(
                "resilience.policy.calls", [("name", "payments"), ("kind", "succeeded")])
            #expect(calls.totalValue == 1)
            #expect(backend.timers(label: "resilience.policy.call_duration").flatMap(\.values) == [40_000_000])
        }

        @Test("publishing keeps no module alive")
        func lifetime() throws {
            var module: ResilienceModule? = try module()
            weak let released = module
            module?.publishMetrics(to: backend)
            module = nil
            #expect(released == nil)
        }
    }
#endif
