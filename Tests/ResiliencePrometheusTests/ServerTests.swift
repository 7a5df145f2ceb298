import CircuitBreakers
import Foundation
import PrometheusTestSupport
import ResilienceCore
import ResilienceTesting
import Testing

@testable import ResiliencePrometheus

/// Pages as the real Prometheus server scrapes, stores and queries them.
@Suite(
    "A Prometheus server", .serialized, .timeLimit(.minutes(30)),
    .enabled(if: PrometheusServer.executable != nil, "prometheus is not installed"))
struct ServerTests {
    /// Serves the pages of an exporter, each format under its own path, and what the client prefers under `/metrics`.
    private func serve(_ sources: [any MetricSource], _ accepted: AcceptedTypes = AcceptedTypes()) throws -> PageServer
    {
        let neutral = PrometheusExporter(sources)
        let resilience4j = PrometheusExporter(sources, naming: .resilience4j)
        return try PageServer { request in
            let page: PrometheusExporter.Page
            switch request.path {
            case "/text": page = neutral.page(.text)
            case "/openmetrics": page = neutral.page(.openMetrics)
            case "/resilience4j": page = resilience4j.page(.openMetrics)
            case "/metrics":
                page = neutral.page(accept: request.headers["accept"])
                _ = accepted.types.withLock { $0.insert(page.contentType) }
            default: return nil
            }
            return PageServer.Answer(contentType: page.contentType, body: page.bytes)
        }
    }

    /// The formats that the server has preferred.
    private final class AcceptedTypes: Sendable {
        let types = Lock<Set<String>>([])
    }

    @Test("scrapes every kind of family in both formats, with its labels")
    func scrape() async throws {
        let hostile = "a\"b\\c\nd {},= Grüße 😀"
        let (everything, other) = (try Everything(), try Everything(hostile))
        for everything in [everything, other] {
            for _ in 1...3 { try await everything.policy.execute { everything.clock.advance(by: .milliseconds(7)) } }
        }
        other.policy.circuitBreakers[0].isolate()
        let sources = everything.sources + other.sources
        let accepted = AcceptedTypes()
        let pages = try serve(sources, accepted)
        defer { pages.stop() }
        let series = PrometheusExporter(sources).page().description.split(separator: "\n").filter { !$0.hasPrefix("#") }

        let jobs = ["text", "openmetrics", "metrics"]
        let targets = (jobs + ["resilience4j"]).map {
            PrometheusServer.Target(job: $0, port: pages.port, path: "/\($0)")
        }
        try await PrometheusServer.run(scraping: targets) { server in
            func value(_ selector: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Double? {
                // Under load a scrape may come too late, and its series are missing for a moment.
                let samples = try await server.wait(for: selector)
                #expect(samples.count == 1, "\(selector): \(samples)", sourceLocation: sourceLocation)
                return samples.first?.value
            }
            for job in jobs {
                let own = #"job="\#(job)",name="payments""#
                let policy = #"job="\#(job)",name="payments",kind="succeeded""#
                #expect(try await value("up{job=\"\(job)\"} == 1") == 1)
                // Every line has become a series.
                #expect(try await value("scrape_samples_scraped{job=\"\(job)\"} > 0") == Double(series.count))
                // A counter.
                #expect(try await value("resilience_circuit_breaker_calls_total{\(own),kind=\"succeeded\"}") == 3)
                #expect(try await value("resilience_policy_calls_total{\(policy)}") == 3)
                // Gauges: a whole number, a fraction, and not a number.
                #expect(try await value("resilience_circuit_breaker_state{\(own),state=\"closed\"}") == 1)
                #expect(try await value("resilience_retry_budget_tokens{job=\"\(job)\",name=\"shared\"}") == 10)
                #expect(try await value("resilience_circuit_breaker_slow_call_rate{\(own)}") == 0)
                // A histogram.
                #expect(try await value("resilience_policy_call_duration_seconds_count{\(policy)}") == 3)
                #expect(try await value("resilience_policy_call_duration_seconds_sum{\(policy)}") == 0.021)
                let buckets = try await server.wait(for: "resilience_policy_call_duration_seconds_bucket{\(policy)}")
                #expect(buckets.count == HistogramBuckets.standard.bounds.count + 1)
                #expect(buckets.filter { $0.value == 3 }.count == 11)
                #expect(buckets.contains { $0.labels["le"] == "+Inf" && $0.value == 3 })
                let quantile = try await server.wait(
                    for:
                        "histogram_quantile(0.5, resilience_policy_call_duration_seconds_bucket{\(policy)})")
                #expect(quantile.count == 1 && (0.005...0.01).contains(quantile[0].value), "\(quantile)")
                // Events.
                let transitions = try await server.wait(
                    for:
                        "resilience_events_total{job=\"\(job)\",event=\"circuit_breaker.transition\"}")
                #expect(transitions.map { $0.labels["name"] } == [hostile])
                // A name with everything in it that has to be escaped.
                let isolated = try await server.wait(
                    for:
                        "resilience_circuit_breaker_state{job=\"\(job)\",state=\"isolated\"} == 1")
                #expect(isolated.map { $0.labels["name"] } == [hostile])
            }
            let ancient = #"job="resilience4j",name="payments""#
            #expect(try await value("resilience4j_circuitbreaker_state{\(ancient),state=\"closed\"}") == 1)
            let calls = "resilience4j_circuitbreaker_calls_seconds"
            #expect(try await value("\(calls)_count{\(ancient),kind=\"successful\"}") == 3)
            #expect(try await value("\(calls)_sum{\(ancient),kind=\"successful\"}") == 0.021)
            #expect(try await value("resilience4j_circuitbreaker_failure_rate{\(ancient)}") == 0)
            #expect(try await server.query("{job=\"resilience4j\",__name__=~\"resilience_.*\"}").isEmpty)
        }
        // Prometheus asks for OpenMetrics, and got it.
        #expect(accepted.types.withLock { $0 } == [PrometheusExporter.Format.openMetrics.contentType])
    }

    @Test("answers every expression of the dashboard and of the alerts")
    func expressions() async throws {
        let everything = try Everything()
        let pages = try serve(everything.sources)
        defer { pages.stop() }
        let target = PrometheusServer.Target(job: "shop", port: pages.port)
        try await PrometheusServer.run(scraping: [target], rules: Guides.alerts) { server in
            // Calls between two scrapes, so that there is something to rate.
            everything.policy.circuitBreakers[0].isolate()
            everything.policy.circuitBreakers[0].close()
            try await everything.policy.execute { everything.clock.advance(by: .milliseconds(7)) }
            try await server.wait(for: "rate(resilience_policy_calls_total{kind=\"succeeded\"}[1m]) > 0")
            for expression in try Dashboard.load().expressions {
                try await server.wait(for: expression)
            }
            for expression in try AlertTests.expressions() { _ = try await server.query(expression) }
            // The rules are loaded and evaluated: a breaker that was set by hand is pending.
            everything.policy.circuitBreakers[0].isolate()
            let pending = try await server.wait(for: "ALERTS{alertname=\"CircuitBreakerByHand\"}")
            #expect(pending.first?.labels["name"] == "payments" && pending.first?.labels["alertstate"] == "pending")
            await #expect(throws: PrometheusServer.Failure.self) { _ = try await server.query("sum(") }
        }
    }
}
