import Foundation
import PrometheusTestSupport
import RateLimiters
import ResilienceCore
import ResilienceTesting
import Testing

@testable import ResiliencePrometheus

@Suite("What is measured of limiters and throttles")
struct RateLimiterTests {
    private func sources(_ name: String) async throws -> [any MetricSource] {
        let clock = ManualClock()
        let calls = CallMetrics()
        let limiter = try RateLimiter(name, .tokenBucket(5, per: .seconds(1)), clock: clock, observers: [calls])
        let keyed = try KeyedRateLimiter<Int>(name, .pacing(1, per: .seconds(1)), clock: clock, observers: [calls])
        let throttle = try AdaptiveThrottle(name, clock: clock, observers: [calls])
        for _ in 1...2 { try await limiter.execute {} }
        for _ in 1...2 { try? await keyed.execute(for: 1) {} }
        try await throttle.execute {}
        return [limiter, keyed, throttle, calls]
    }

    private func lines(_ sources: [any MetricSource], _ naming: PrometheusExporter.Naming) -> [String] {
        PrometheusExporter(sources, naming: naming).page().description.split(separator: "\n").map(String.init)
    }

    @Test("neutral names")
    func neutral() async throws {
        let lines = Set(lines(try await sources("x"), .neutral))
        for line in [
            #"resilience_rate_limiter_calls_total{name="x",kind="permitted"} 2"#,
            #"resilience_rate_limiter_calls_total{name="x",kind="rejected"} 0"#,
            #"resilience_rate_limiter_calls_total{name="x",kind="cancelled"} 0"#,
            #"resilience_rate_limiter_available_permissions{name="x"} 3"#,
            #"resilience_rate_limiter_waiting{name="x"} 0"#,
            #"resilience_rate_limiter_wait_duration_seconds_count{name="x"} 0"#,
            #"resilience_keyed_rate_limiter_calls_total{name="x",kind="permitted"} 1"#,
            #"resilience_keyed_rate_limiter_calls_total{name="x",kind="rejected"} 1"#,
            #"resilience_keyed_rate_limiter_keys{name="x"} 1"#,
            #"resilience_keyed_rate_limiter_forgotten_keys_total{name="x"} 0"#,
            #"resilience_keyed_rate_limiter_wait_duration_seconds_count{name="x"} 0"#,
            #"resilience_adaptive_throttle_calls_total{name="x",kind="accepted"} 1"#,
            #"resilience_adaptive_throttle_rejection_probability{name="x"} 0.0"#,
        ] { #expect(lines.contains(line), "\(line)") }
    }

    @Test("the names of resilience4j, which has neither keyed limiters nor throttles")
    func resilience4j() async throws {
        let lines = lines(try await sources("x"), .resilience4j).filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                #"resilience4j_ratelimiter_available_permissions{name="x"} 3"#,
                #"resilience4j_ratelimiter_waiting_threads{name="x"} 0"#,
            ])
    }

    @Test(
        "promtool has no complaint",
        .enabled(if: program("promtool") != nil, "promtool is not installed"),
        arguments: PromtoolTests.hostileNames)
    func promtool(name: String) async throws {
        let page = PrometheusExporter(try await sources(name), naming: [.neutral, .resilience4j]).page()
        let result = try await run(try #require(program("promtool")), ["check", "metrics"], input: Data(page.bytes))
        #expect(result.status == 0 && result.output.isEmpty, "\(result.output)")
    }
}
