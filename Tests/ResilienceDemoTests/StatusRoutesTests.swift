import Foundation
import Resilience
import Testing

@testable import ResilienceDemo

@Suite("Status routes")
struct StatusRoutesTests {
    private func object(_ response: HTTPResponse) throws -> [String: Any] {
        #expect(response.contentType == "application/json")
        return try #require(try JSONSerialization.jsonObject(with: Data(response.body.utf8)) as? [String: Any])
    }

    @Test("The page is HTML that may load nothing", arguments: ["/", "/?a=b"])
    func pageRoute(path: String) throws {
        let response = try StatusStage().get(path)
        #expect(response.status == 200)
        #expect(response.contentType == "text/html; charset=utf-8")
        let policy = response.headers.first { $0.name == "Content-Security-Policy" }?.value
        #expect(policy?.hasPrefix("default-src 'none';") == true)
        #expect(response.body == StatusPage.html)
    }

    @Test("The data is what the live view shows")
    func liveData() throws {
        let response = try StatusStage().get("/status.json")
        #expect(response.status == 200)
        let report = try JSONDecoder().decode(StatusReport.self, from: Data(response.body.utf8))
        #expect(report.phase == "overloaded")
        #expect(report.elapsed == 21.25)
        #expect(report.length == 28)
        #expect(report.breaker == "half_open")
        #expect((report.bulkhead.inUse, report.bulkhead.limit, report.bulkhead.queued) == (8, 8, 5))
        #expect((report.limiter.permits, report.limiter.most) == (2, 20))
        #expect(report.oldestAnswer == 0.82)
        #expect(report.protected.fresh == 836)
        #expect(report.protected.lastGood == 1270)
        #expect(report.protected.failed == 5)
        #expect(report.protected.lastGoodPerSecond == 160)
        #expect((report.protected.p50, report.protected.p99) == (125, nil))
        #expect(report.unprotected.p99 == 1080)
        #expect(report.unprotected.inFlight == 231)
        #expect(report.layers.refusedByLimiter == 500)
        #expect(report.module == .idle)
        #expect(report.health.status == .healthy)
        #expect(report.events.count == StatusReport.eventCount)
        #expect(report.events.first?.at == 19)
    }

    @Test("The data has the keys of the live view, and no others")
    func dataKeys() throws {
        let data = try object(StatusStage().get("/status.json"))
        #expect(
            data.keys.sorted() == [
                "breaker", "bulkhead", "elapsed", "events", "health", "layers", "length", "limiter", "module",
                "oldestAnswer", "phase", "protected", "story", "unprotected",
            ])
        let side = try #require(data["unprotected"] as? [String: Any])
        #expect(
            side.keys.sorted() == [
                "callsPerSecond", "failed", "failedPerSecond", "fresh", "freshPerSecond", "inFlight", "lastGood",
                "lastGoodPerSecond", "p50", "p99", "sentPerSecond",
            ])
    }

    @Test("Before the first round there is no data")
    func beforeTheFirstRound() throws {
        let response = try StatusStage(nil).get("/status.json")
        #expect(response.status == 503)
        #expect(response.headers.contains { $0 == ("Retry-After", "1") })
        #expect(try object(response).isEmpty)
    }

    @Test("Health is 200 while calls are answered, and 503 when the module lets none in")
    func health() async throws {
        let stage = try StatusStage()
        #expect(try object(stage.get("/health"))["status"] as? String == "healthy")

        stage.protection.breaker.isolate()
        let degraded = stage.get("/health")
        #expect(degraded.status == 200)
        #expect(try object(degraded)["status"] as? String == "degraded")
        #expect(degraded.body.contains("circuit breaker \\\"upstream\\\""))

        await stage.protection.module.shutdown()
        let down = stage.get("/health")
        #expect(down.status == 503)
        #expect(try object(down)["status"] as? String == "down")
    }

    @Test("Metrics come in the format that is asked for")
    func metricsFormat() async throws {
        let stage = try StatusStage()
        _ = try await stage.protection.policy.execute(for: 1) { .init(status: 200, body: "") }
        let text = stage.get("/metrics")
        #expect(text.status == 200)
        #expect(text.contentType.hasPrefix("text/plain; version=0.0.4"))
        #expect(text.body.contains("resilience_circuit_breaker_calls_total{name=\"upstream\",kind=\"succeeded\"} 1\n"))
        let open = stage.get("/metrics", accept: "application/openmetrics-text;version=1.0.0,*/*;q=0.1")
        #expect(open.contentType.hasPrefix("application/openmetrics-text; version=1.0.0"))
        #expect(open.body.hasSuffix("# EOF\n"))
    }

    @Test(
        "A path that is not there is answered with 404",
        arguments: ["/x", "/status", "/health/", "/metrics/x", "//", "*", "/STATUS.JSON", "/../", "/%2e"])
    func unknownPath(path: String) throws {
        #expect(try StatusStage().get(path).status == 404)
    }

    @Test(
        "Methods other than GET and HEAD are refused", arguments: ["POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"])
    func otherMethods(method: String) throws {
        let response = try StatusStage().routes.answer(HTTPRequest(method: method, path: "/", keepsAlive: true))
        #expect(response.status == 405)
        #expect(response.headers.contains { $0 == ("Allow", "GET, HEAD") })
    }
}
