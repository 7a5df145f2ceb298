#if ServiceLifecycle
    import Logging
    import Resilience
    import ResilienceServiceLifecycle
    import ServiceLifecycle
    import Testing
    import UnixSignals

    @Suite("Guides/Integrations.md: service lifecycle")
    struct IntegrationsServiceExamples {
        /// Ends the group when it has made its call.
        private struct Server: Service {
            let resilience: ResilienceModule

            func run() async throws {
                _ = try await resilience.execute("payments") { 1 }
                throw Done(resilience: resilience)
            }
        }

        private struct Done: Error { let resilience: ResilienceModule }

        private func serve(_ logger: Logger) async throws {
            let resilience = try ResilienceModule("shop") {
                Registration("payments") {
                    Retry.layer()
                    CircuitBreaker.layer()
                }
            }
            let server = Server(resilience: resilience)

            let group = ServiceGroup(
                services: [resilience, server], gracefulShutdownSignals: [.sigterm], logger: logger)
            try await group.run()
        }

        @Test("a module in a group", .timeLimit(.minutes(30)))
        func group() async throws {
            let done = try await #require(throws: Done.self) {
                try await serve(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            }
            #expect(done.resilience.state == .stopped)
        }
    }
#endif
