#if Configuration
    import Configuration
    import Resilience
    import ResilienceConfiguration
    import Testing

    @Suite("Guides/Integrations.md: configuration")
    struct IntegrationsConfigurationExamples {
        /// The table of the guide.
        private let environment = EnvironmentVariablesProvider(environmentVariables: [
            "RESILIENCE_POLICIES_PAYMENTS_TIMEOUT": "800ms",
            "RESILIENCE_POLICIES_PAYMENTS_RETRY_MAX_ATTEMPTS": "5",
            "RESILIENCE_POLICIES_PAYMENTS_CIRCUIT_BREAKER_TRIP_FAILURE_RATE": "0.5",
            "RESILIENCE_POLICIES_PAYMENTS_INHERITS": "careful",
            "RESILIENCE_TEMPLATES_CAREFUL_RETRY_MAX_ATTEMPTS": "2",
            "RESILIENCE_DEFAULTS_CIRCUIT_BREAKER_BREAK_LENGTH": "10s",
        ])
        private let file = InMemoryProvider(values: [
            "resilience.policies.payments.retry.maxDelay": "1s",
            "resilience.policies.search.layers": ConfigValue(.stringArray(["timeout"]), isSecret: false),
            "resilience.policies.search.timeout": "2s",
        ])

        @Test("a module configured from a reader")
        func module() throws {
            let config = ConfigReader(providers: [environment, file])
            let resilience = try ResilienceModule("shop") {
                Registration("payments") {
                    Timeout.layer(.seconds(10))
                    Retry.layer(maxAttempts: 3)
                    CircuitBreaker.layer()
                }
            }
            try resilience.configure(from: config.scoped(to: "resilience"))

            let payments = try resilience.policy("payments")
            #expect(payments.strategies(Timeout.self).first?.configuration.document == "800ms")
            #expect(payments.strategies(Retry.self).first?.configuration.maxAttempts == 5)
            #expect(payments.strategies(Retry.self).first?.configuration.maxDelay == .seconds(1))
            #expect(
                try resilience.circuitBreaker("payments").configuration.document["trip"]?["failureRate"] == 0.5)
            #expect(try resilience.circuitBreaker("new").configuration.document["breakLength"] == "10s")
        }

        @Test("a policy that only the configuration describes")
        func described() throws {
            let config = ConfigReader(provider: file)
            let resilience = try ResilienceModule("shop") {
                Registration("payments") { Retry.layer() }
            }
            try resilience.configure(from: config.scoped(to: "resilience"), policies: ["search"])
            #expect(
                try resilience.policy("search").strategies(Timeout.self).first?.configuration.document == "2s")
        }
    }
#endif
