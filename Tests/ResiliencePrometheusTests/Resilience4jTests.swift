import Bulkheads
import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Retries
import Testing
import Timeouts

@testable import ResiliencePrometheus

@Suite("The names of resilience4j")
struct Resilience4jTests {
    struct Failure: Error {}

    private func lines(_ sources: [any MetricSource], _ naming: PrometheusExporter.Naming = .resilience4j) -> [String] {
        PrometheusExporter(sources, naming: naming).page().description.split(separator: "\n").map(String.init)
    }

    @Test("before the first call")
    func beforeFirstCall() throws {
        let lines = lines(try Everything().sources)
        for state in ["open", "half_open", "forced_open", "disabled", "metrics_only"] {
            #expect(lines.contains(#"resilience4j_circuitbreaker_state{name="payments",state="\#(state)"} 0"#))
        }
        #expect(lines.contains(#"resilience4j_circuitbreaker_state{name="payments",state="closed"} 1"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_failure_rate{name="payments"} -1.0"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_slow_call_rate{name="payments"} -1.0"#))
        #expect(lines.allSatisfy { $0.hasPrefix("# ") || $0.hasPrefix("resilience4j_") })
    }

    @Test("a breaker: percentages, timer, rejections")
    func breaker() async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let breaker = try CircuitBreaker("b", .init(trip: .failureRate(0.9, minimumCalls: 4)), clock: clock)
        for _ in 1...2 { try await breaker.execute {} }
        var lines = lines([breaker, calls])
        #expect(lines.contains(#"resilience4j_circuitbreaker_calls_seconds_count{name="b",kind="successful"} 2"#))
        #expect(!lines.contains { $0.contains("_sum") })

        // Measured from here on: the number and the sum are from the same calls.
        breaker.addObserver(calls)
        try await breaker.execute { clock.advance(by: .seconds(3)) }
        try? await breaker.execute { throw Failure() }
        breaker.isolate()
        for _ in 1...5 { try? await breaker.execute {} }
        breaker.disable()
        lines = self.lines([breaker, calls])
        #expect(lines.contains("# TYPE resilience4j_circuitbreaker_calls_seconds summary"))
        #expect(lines.contains(#"resilience4j_circuitbreaker_calls_seconds_count{name="b",kind="successful"} 1"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_calls_seconds_sum{name="b",kind="successful"} 3.0"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_calls_seconds_count{name="b",kind="ignored"} 0"#))
        #expect(!lines.contains { $0.contains("calls_seconds") && $0.contains("not_permitted") })
        #expect(
            lines.contains(#"resilience4j_circuitbreaker_not_permitted_calls_total{name="b",kind="not_permitted"} 5"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_state{name="b",state="disabled"} 1"#))
    }

    @Test("rates are percentages")
    func rates() async throws {
        let breaker = try CircuitBreaker("b", .init(trip: .failureRate(0.9, minimumCalls: 4)))
        for _ in 1...3 { try await breaker.execute {} }
        try? await breaker.execute { throw Failure() }
        let lines = lines([breaker])
        #expect(lines.contains(#"resilience4j_circuitbreaker_failure_rate{name="b"} 25.0"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_buffered_calls{name="b",kind="failed"} 1"#))
        #expect(lines.contains(#"resilience4j_circuitbreaker_buffered_calls{name="b",kind="successful"} 3"#))
    }

    @Test("a retry has four kinds, a timeout three")
    func retryAndTimeout() async throws {
        let clock = ManualClock()
        let timeout = try Timeout("t", .custom { _ in nil }, clock: clock)
        let limited = try Timeout("u", .seconds(1), clock: clock)
        let refused = try Timeout("v", .custom { _ in .zero }, clock: clock)
        let retry = try Retry("r", .init(maxAttempts: 1))
        try await timeout.execute {}
        try await limited.execute { clock.advance(by: .seconds(2)) }
        try await limited.execute {}
        try? await refused.execute {}
        try? await retry.execute { throw Failure() }
        let lines = lines([timeout, limited, refused, retry])
        #expect(lines.contains(#"resilience4j_timelimiter_calls_total{name="t",kind="successful"} 1"#))
        #expect(lines.contains(#"resilience4j_timelimiter_calls_total{name="u",kind="successful"} 2"#))
        #expect(lines.contains(#"resilience4j_timelimiter_calls_total{name="v",kind="timeout"} 1"#))
        #expect(lines.filter { $0.hasPrefix("resilience4j_timelimiter_calls_total") }.count == 9)
        #expect(lines.contains(#"resilience4j_retry_calls_total{name="r",kind="failed_without_retry"} 1"#))
        #expect(lines.filter { $0.hasPrefix("resilience4j_retry_calls_total") }.count == 4)
    }

    @Test("a bulkhead has four gauges")
    func bulkhead() throws {
        let bulkhead = try Bulkhead("b", .init(limit: .fixed(3), queue: .init(capacity: 7)))
        let permit = try bulkhead.tryAcquirePermit()
        let values = lines([bulkhead]).filter { $0.hasPrefix("resilience4j_bulkhead") }
        permit.release()
        #expect(
            values == [
                #"resilience4j_bulkhead_available_concurrent_calls{name="b"} 2"#,
                #"resilience4j_bulkhead_max_allowed_concurrent_calls{name="b"} 3"#,
                #"resilience4j_bulkhead_queue_capacity{name="b"} 7"#,
                #"resilience4j_bulkhead_queue_depth{name="b"} 0"#,
            ])
    }

    @Test("every number that resilience4j has is found, under every kind, among what everything measures")
    func complete() throws {
        let kinds: [String: Set<String>] = [
            "circuitbreaker_calls_seconds": ["successful", "failed", "ignored"],
            "circuitbreaker_not_permitted_calls": ["not_permitted"],
            "circuitbreaker_state": ["closed", "open", "half_open", "forced_open", "disabled", "metrics_only"],
            "circuitbreaker_buffered_calls": ["successful", "failed"],
            "retry_calls": [
                "successful_without_retry", "successful_with_retry", "failed_without_retry", "failed_with_retry",
            ],
            "timelimiter_calls": ["successful", "failed", "timeout"],
        ]
        let families = Resilience4jNames(MetricCollection(of: try Everything().sources)).families
        #expect(families.count == 14)
        for family in families {
            #expect(!family.values.isEmpty, "\(family.name)")
            guard family.labels.count == 2 else { continue }
            let found = stride(from: 1, to: family.labelValues.count, by: 2).map { family.labelValues[$0] }
            #expect(Set(found) == kinds[String(family.name.dropFirst("resilience4j_".count))], "\(family.name)")
        }
        // The durations come from another family than the numbers.
        #expect(families.contains { $0.sums.contains { $0 != nil } })
    }

    @Test("bulkheads and limiters, by their neutral names")
    func others() {
        func gauge(_ name: String) -> (MetricFamily, [String], MetricValue) {
            (MetricFamily(name, .gauge, labels: ["name"], help: ""), ["x"], .integer(3))
        }
        let names = [
            "resilience.bulkhead.available_concurrent_calls": "resilience4j_bulkhead_available_concurrent_calls",
            "resilience.bulkhead.max_allowed_concurrent_calls": "resilience4j_bulkhead_max_allowed_concurrent_calls",
            "resilience.bulkhead.waiting": "resilience4j_bulkhead_queue_depth",
            "resilience.bulkhead.queue_capacity": "resilience4j_bulkhead_queue_capacity",
            "resilience.rate_limiter.available_permissions": "resilience4j_ratelimiter_available_permissions",
            "resilience.rate_limiter.waiting": "resilience4j_ratelimiter_waiting_threads",
        ]
        let lines = lines([Source(names.keys.map(gauge))])
        for name in names.values { #expect(lines.contains("\(name){name=\"x\"} 3")) }
    }

    @Test("both names at once, or none")
    func both() throws {
        let sources = try Everything().sources
        let both = Set(lines(sources, [.neutral, .resilience4j]))
        #expect(both == Set(lines(sources, .neutral)).union(lines(sources, .resilience4j)))
        #expect(lines(sources, []).isEmpty)
    }
}
