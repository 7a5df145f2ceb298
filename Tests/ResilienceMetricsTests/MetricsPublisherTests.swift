#if Metrics
    import CoreMetrics
    import MetricsTestKit
    import Resilience
    import ResilienceMetrics
    import ResilienceTesting
    import Testing

    @Suite("Metrics: publisher")
    struct MetricsPublisherTests {
        private let clock = ManualClock()
        private let backend = TestMetrics()

        private func policy(_ publisher: MetricsPublisher) throws -> Policy {
            try Policy("payments", clock: clock, observers: [publisher.calls]) {
                CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 2), breakLength: .fixed(.seconds(30))))
            }
        }

        @Test("X-22: gauges and counters are there before the first call, those without a value are not")
        func beforeTheFirstCall() throws {
            let publisher = MetricsPublisher(to: backend)
            let policy = try policy(publisher)
            publisher.add(policy)
            publisher.publish()
            let states = backend.meters(label: "resilience.circuit_breaker.state")
            #expect(states.count == CircuitBreaker.State.allCases.count)
            let closed = try backend.expectMeter(
                "resilience.circuit_breaker.state", [("name", "payments"), ("state", "closed")])
            #expect(closed.lastValue == 1)
            #expect(states.compactMap(\.lastValue).reduce(0, +) == 1)
            let failed = try backend.expectCounter(
                "resilience.circuit_breaker.calls", [("name", "payments"), ("kind", "failed")])
            #expect(failed.totalValue == 0)
            #expect(backend.meters(label: "resilience.circuit_breaker.failure_rate").isEmpty)
        }

        @Test("a counter is told what was added since the last time, and a gauge the value")
        func deltas() async throws {
            let publisher = MetricsPublisher(to: backend)
            let policy = try policy(publisher)
            publisher.add(policy)
            try await policy.execute {}
            publisher.publish()
            try? await policy.execute { throw InjectedFailure() }
            try? await policy.execute {}
            publisher.publish()
            publisher.publish()
            let dimensions = [("name", "payments"), ("kind", "succeeded")]
            let succeeded = try backend.expectCounter("resilience.circuit_breaker.calls", dimensions)
            #expect(succeeded.values == [1])
            let rejected = try backend.expectCounter(
                "resilience.circuit_breaker.calls", [("name", "payments"), ("kind", "rejected")])
            #expect(rejected.values == [1])
            let open = try backend.expectMeter(
                "resilience.circuit_breaker.state", [("name", "payments"), ("state", "open")])
            #expect(open.values == [0, 1, 1])
            let calls = backend.counters(label: "resilience.policy.calls")
            #expect(
                Dictionary(uniqueKeysWithValues: calls.map { ($0.dimensions[1].1, $0.totalValue) }) == [
                    "succeeded": 1, "failed": 1, "cancelled": 0, "rejected": 1,
                ])
        }

        @Test("every duration goes to a timer when it is measured, without a publication")
        func durations() async throws {
            let publisher = MetricsPublisher(to: backend)
            let policy = try policy(publisher)
            for milliseconds in [20, 30] {
                try await policy.execute { clock.advance(by: .milliseconds(milliseconds)) }
            }
            let pipeline = try backend.expectTimer(
                "resilience.policy.call_duration", [("name", "payments"), ("kind", "succeeded")])
            #expect(pipeline.values == [20_000_000, 30_000_000])
            let breaker = try backend.expectTimer(
                "resilience.circuit_breaker.call_duration", [("name", "payments"), ("kind", "succeeded")])
            #expect(breaker.values == [20_000_000, 30_000_000])
            #expect(breaker.displayUnit == .seconds)
            #expect(backend.counters.isEmpty)
            // A rejection has no duration.
            for _ in 1...2 { try? await policy.execute { throw InjectedFailure() } }
            await #expect(throws: CircuitBreaker.OpenError.self) { try await policy.execute {} }
            #expect(backend.timers.flatMap(\.values).count == 8)
        }

        @Test("what has gone is destroyed, also its timers; sources that share a name share a timer")
        func gone() async throws {
            let publisher = MetricsPublisher(to: backend)
            let staying = try policy(publisher)
            var going: Policy? = try Policy("other", clock: clock, observers: [publisher.calls]) {
                CircuitBreaker.layer()
            }
            var sameName: Policy? = try policy(publisher)
            try await going?.execute {}
            try await sameName?.execute {}
            publisher.publish()
            #expect(backend.timers(label: "resilience.policy.call_duration").count == 4)
            #expect(backend.counters(label: "resilience.policy.calls").count == 12)
            going = nil
            sameName = nil
            publisher.publish()
            #expect(
                Set(backend.timers.map { $0.dimensions[0].1 }) == ["payments"])
            #expect(backend.counters(label: "resilience.policy.calls").count == 4)
            try await staying.execute {}
            #expect(backend.timers(label: "resilience.policy.call_duration").flatMap(\.values).count == 2)
        }

        @Test("a source that starts over is counted from zero, and a gauge without a value goes")
        func restart() throws {
            let source = SettableSource()
            let publisher = MetricsPublisher(to: backend)
            publisher.add(source)
            for (count, seconds, rate) in [(5, 1.5, 0.5), (7, 1.5, .nan), (3, 0.25, 1.0)] {
                source.set(count, seconds, rate)
                publisher.publish()
            }
            #expect(try backend.expectCounter("test.count", [("name", "x")]).values == [5, 2, 3])
            #expect(try backend.expectMeter("test.rate", [("name", "x")]).values == [1])
            source.set(3, 0.25, .infinity)
            publisher.publish()
            #expect(backend.meters(label: "test.rate").isEmpty)
            // A counter of fractions is rounded by this backend, which has none.
            #expect(backend.counterTotal(label: "test.seconds") == 1)
        }

        @Test("the order of concurrent publications does not matter: nothing is told twice or lost")
        func contention() async throws {
            let publisher = MetricsPublisher(to: backend)
            let policy = try Policy("p", observers: [publisher.calls]) { CircuitBreaker.layer() }
            publisher.add(policy)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<200 {
                            try? await policy.execute {}
                            publisher.publish()
                        }
                    }
                }
            }
            publisher.publish()
            #expect(
                try backend.expectCounter("resilience.policy.calls", [("name", "p"), ("kind", "succeeded")])
                    .totalValue == 1600)
            #expect(
                try backend.expectTimer("resilience.policy.call_duration", [("name", "p"), ("kind", "succeeded")])
                    .values.count == 1600)
        }
    }

    private final class SettableSource: MetricSource {
        private static let count = MetricFamily("test.count", .counter, labels: ["name"], help: "A count.")
        private static let seconds = MetricFamily("test.seconds", .counter, labels: ["name"], help: "A sum.")
        private static let rate = MetricFamily("test.rate", .gauge, labels: ["name"], help: "A rate.")
        private let values = Lock((0, 0.0, 0.0))

        func set(_ count: Int, _ seconds: Double, _ rate: Double) { values.withLock { $0 = (count, seconds, rate) } }

        func collect(into metrics: inout MetricCollection) {
            let (count, seconds, rate) = values.withLock { $0 }
            metrics.add(Self.count, ["x"], count)
            metrics.add(Self.seconds, ["x"], seconds)
            metrics.add(Self.rate, ["x"], rate)
        }
    }
#endif
