#if Logging
    import InMemoryLogging
    import Logging
    import Resilience
    import ResilienceLogging
    import Testing

    @Suite("Guides/Integrations.md: logging")
    struct IntegrationsLoggingExamples {
        private let handler = InMemoryLogHandler()
        private var logger: Logger { Logger(label: "test") { _ in handler } }

        @Test("a module that logs")
        func module() async throws {
            let resilience = try ResilienceModule("shop", observers: [LoggingObserver(logger)]) {
                Registration("payments") {
                    Retry.layer()
                    CircuitBreaker.layer()
                }
            }
            handler.clear()
            try resilience.circuitBreaker("payments").isolate()
            #expect(handler.entries.map(\.message) == ["circuit_breaker.transition"])
            #expect(handler.entries.first?.metadata["resilience.source"] == "payments")
        }

        @Test("levels")
        func levels() async throws {
            let quiet = LoggingObserver(logger, levels: .init(calls: nil, changes: .notice))
            let bySeverity = LoggingObserver(logger, levels: .bySeverity(debug: .trace, info: .info, warning: .error))
            let breaker = try CircuitBreaker("payments", observers: [quiet, bySeverity])
            try await breaker.execute {}
            breaker.open()
            #expect(handler.entries.map(\.level) == [.notice, .error])
        }

        @Test("one breaker")
        func breaker() async throws {
            let breaker = try CircuitBreaker(
                "payments", observers: [LoggingObserver(logger, levels: .init(calls: nil))])
            breaker.isolate()
            #expect(handler.entries.map(\.level) == [.info])
        }
    }
#endif
