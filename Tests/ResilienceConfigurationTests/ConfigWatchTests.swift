#if Configuration
    import Configuration
    import Resilience
    import ResilienceConfiguration
    import ResilienceTesting
    import Testing

    @Suite("Configuration: changes", .timeLimit(.minutes(30)))
    struct ConfigWatchTests {
        private let clock = ManualClock()
        private let provider = MutableInMemoryProvider(initialValues: ["policies.payments.retry.maxAttempts": 2])
        private let heard = ModuleEvents()

        private func running(_ body: (ResilienceModule) async throws -> Void) async throws {
            let module = try ResilienceModule("shop", clock: clock, observers: [heard]) {
                Registration("payments") {
                    Retry.layer(.immediate, maxAttempts: 3)
                    CircuitBreaker.layer()
                }
            }
            try module.configure(from: ConfigReader(provider: provider))
            let running = Task { try await module.run() }
            try await heard.wait { if case .stateChanged = $0.kind { true } else { false } }
            try await body(module)
            await module.shutdown()
            try await running.value
        }

        private func attempts(_ module: ResilienceModule) throws -> Int? {
            try module.policy("payments").strategies(Retry.self).first?.configuration.maxAttempts
        }

        @Test("a change is applied while the module runs, and a breaker keeps its state")
        func change() async throws {
            try await running { module in
                #expect(try attempts(module) == 2)
                try module.circuitBreaker("payments").isolate()
                provider.setValue(6, forKey: "policies.payments.retry.maxAttempts")
                try await heard.wait { if case .reloaded = $0.kind { true } else { false } }
                #expect(try attempts(module) == 6)
                #expect(try module.circuitBreaker("payments").state == .isolated)
                provider.setValue(nil, forKey: "policies.payments.retry.maxAttempts")
                try await heard.wait { if case .reloaded = $0.kind { true } else { false } }
                #expect(try attempts(module) == 3)
            }
        }

        @Test("a change with faults is reported with their paths, and changes nothing; the next good one is taken")
        func faults() async throws {
            try await running { module in
                provider.setValue("none", forKey: "policies.payments.retry.maxAttempts")
                let failure = try await heard.wait { if case .reloadFailed = $0.kind { true } else { false } }
                guard case .reloadFailed(let error) = failure.kind else { return }
                #expect(
                    (error as? ConfigurationError)?.faults.map(\.field) == ["policies.payments.retry.maxAttempts"])
                #expect(try attempts(module) == 2)
                provider.setValue(4, forKey: "policies.payments.retry.maxAttempts")
                try await heard.wait { if case .reloaded = $0.kind { true } else { false } }
                #expect(try attempts(module) == 4)
            }
        }

        @Test("what is registered while the module runs is configured then")
        func registration() async throws {
            provider.setValue(9, forKey: "policies.late.retry.maxAttempts")
            try await running { module in
                try module.register(Registration("late") { Retry.layer(maxAttempts: 3) })
                try await heard.wait { event in
                    guard case .reloaded = event.kind else { return false }
                    return (try? module.policy("late").strategies(Retry.self).first?.configuration.maxAttempts) == 9
                }
            }
        }

        @Test("what watches keeps no module alive")
        func lifetime() throws {
            var module: ResilienceModule? = try ResilienceModule { Registration("payments") { Retry.layer() } }
            weak let released = module
            try module?.configure(from: ConfigReader(provider: provider))
            module = nil
            #expect(released == nil)
        }
    }

    /// The events of a module, one after another.
    private final class ModuleEvents: PolicyObserver {
        private let events: AsyncStream<ResilienceModule.Event>
        private let feed: AsyncStream<ResilienceModule.Event>.Continuation

        init() {
            (events, feed) = AsyncStream.makeStream()
        }

        func observe(_ event: some PolicyEvent) {
            if let event = event as? ResilienceModule.Event { feed.yield(event) }
        }

        /// The next event of a kind; those before it are dropped.
        @discardableResult
        func wait(for isWanted: (ResilienceModule.Event) -> Bool) async throws -> ResilienceModule.Event {
            for await event in events where isWanted(event) { return event }
            throw CancellationError()
        }
    }
#endif
