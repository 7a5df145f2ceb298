#if Metrics
    import CoreMetrics
    import MetricsTestKit
    import Resilience
    import ResilienceMetrics
    import Testing

    @Suite("Guides/Integrations.md: metrics")
    struct IntegrationsMetricsExamples {
        private let factory = TestMetrics()

        @Test("publishing a module")
        func module() throws {
            let resilience = try ResilienceModule("shop") {
                Registration("payments") { CircuitBreaker.layer() }
            }
            _ = withMetricsFactory(factory) {
                resilience.publishMetrics()
            }
            let before = factory.meters(label: "resilience.circuit_breaker.state").map(\.values.count)
            #expect(before.count == CircuitBreaker.State.allCases.count && before.allSatisfy { $0 == 1 })

            let publisher = resilience.publishMetrics(to: factory, every: .seconds(5))
            publisher.publish()  // now, too
            let after = factory.meters(label: "resilience.circuit_breaker.state").map(\.values.count)
            #expect(after.allSatisfy { $0 == 3 })
        }

        @Test("publishing policies")
        func policies() async throws {
            let publisher = MetricsPublisher(to: factory)
            let payments = try Policy("payments", observers: [publisher.calls]) {
                CircuitBreaker.layer()
            }
            publisher.add(payments)
            publisher.publish()
            try await payments.execute {}
            #expect(factory.timers(label: "resilience.policy.call_duration").flatMap(\.values).count == 1)
            #expect(
                factory.timers(label: "resilience.policy.call_duration").first?.dimensions.map(\.0) == [
                    "name", "kind",
                ])
            #expect(
                factory.counters(label: "resilience.circuit_breaker.calls").first?.dimensions.map(\.0) == [
                    "name", "kind",
                ])
        }
    }
#endif
