import Foundation
import PrometheusTestSupport
import Resilience
import Testing

@testable import ResilienceDemo

/// The demo's metrics as Prometheus sees them. Debian's package `prometheus` has both programs.
@Suite("Scrapes of the demo")
struct ScrapeTests {
    /// Some calls of every kind: three answered, one answered with the last good answer, two refused with none.
    private func called() async throws -> StatusStage {
        let stage = try StatusStage()
        let policy = stage.protection.policy
        for _ in 1...3 { _ = try await policy.execute(for: 1) { .init(status: 200, body: "order 1") } }
        stage.protection.breaker.isolate()
        for order in 1...3 { _ = await policy.run(for: order) { throw UpstreamClient.NotHTTP() } }
        return stage
    }

    @Test(
        "promtool finds nothing wrong with the metrics",
        .enabled(if: program("promtool") != nil, "promtool is not installed"))
    func promtool() async throws {
        let page = try await called().get("/metrics")
        #expect(page.body.contains("resilience_"))
        let result = try await run(
            try #require(program("promtool")), ["check", "metrics"], input: Data(page.body.utf8))
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.isEmpty, "\(result.output)")
    }

    @Test(
        "A Prometheus server scrapes the status server",
        .enabled(if: PrometheusServer.executable != nil, "prometheus is not installed"), .timeLimit(.minutes(30)))
    func prometheus() async throws {
        let stage = try await called()
        let server = try StatusServer(host: "127.0.0.1", port: 0, routes: stage.routes)
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await PrometheusServer.run(scraping: [.init(job: "demo", port: server.address.port)]) {
                    prometheus in
                    for (expression, value) in [
                        ("resilience_circuit_breaker_calls_total{kind=\"succeeded\"}", 3.0),
                        ("resilience_circuit_breaker_calls_total{kind=\"rejected\"}", 3),
                        ("resilience_rate_limiter_calls_total{kind=\"permitted\"}", 3),
                        ("resilience_policy_calls_total{name=\"upstream\",kind=\"rejected\"}", 3),
                    ] {
                        let samples = try await prometheus.wait(for: expression)
                        #expect(samples.map(\.value) == [value], "\(expression)")
                        #expect(samples.first?.labels["job"] == "demo")
                    }
                })
        } catch {
            result = .failure(error)
        }
        await server.stop()
        try result.get()
    }
}
