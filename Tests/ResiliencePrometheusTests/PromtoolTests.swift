import CircuitBreakers
import Foundation
import PrometheusTestSupport
import ResilienceCore
import ResilienceTesting
import Testing

@testable import ResiliencePrometheus

/// Pages as Prometheus' own parsers read them. Needs `promtool`, which Debian's package `prometheus` brings.
@Suite("promtool", .enabled(if: program("promtool") != nil, "promtool is not installed"))
struct PromtoolTests {
    static let hostileNames = [
        "", " ", "payments", "a\"b", "a\\", "\\n", "line\nfeed", "\r\n", "Grüße", "e\u{301}", "é", "😀", "\u{0}",
        "\u{FEFF}", "a\u{2028}b",
        "}", "{le=\"1\"} 3", "a,b=\"c\"", "# EOF", String(repeating: "x", count: 5000),
    ]

    private func sources() async throws -> [any MetricSource] {
        var sources: [any MetricSource] = []
        for name in Self.hostileNames {
            let everything = try Everything(name)
            _ = try await everything.policy.execute { everything.clock.advance(by: .milliseconds(7)) }
            for _ in 1...2 { try? await everything.policy.circuitBreakers[0].execute { throw CancellationError() } }
            everything.policy.circuitBreakers[0].isolate()
            sources += everything.sources
        }
        return sources
    }

    @Test(
        "check metrics has no complaint",
        arguments: [PrometheusExporter.Naming.neutral, .resilience4j, [.neutral, .resilience4j]])
    func checkMetrics(naming: PrometheusExporter.Naming) async throws {
        let page = PrometheusExporter(try await sources(), naming: naming).page()
        #expect(page.omitted.isEmpty)
        let result = try await run(try #require(program("promtool")), ["check", "metrics"], input: Data(page.bytes))
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.isEmpty, "\(result.output)")
    }

    @Test("check metrics complains of a page that is wrong, so that its silence says something")
    func checkMetricsComplains() async throws {
        let wrong = "a_total{name=\"x\"} 1\na_total{name=\"x\"} 1\n"
        let result = try await run(try #require(program("promtool")), ["check", "metrics"], input: Data(wrong.utf8))
        #expect(result.status != 0)
    }

    @Test(
        "the OpenMetrics parser takes every line",
        arguments: [PrometheusExporter.Naming.neutral, .resilience4j, [.neutral, .resilience4j]])
    func openMetrics(naming: PrometheusExporter.Naming) async throws {
        let page = PrometheusExporter(try await sources(), naming: naming).page(.openMetrics)
        let lines = page.description.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(Array(lines.suffix(2)) == ["# EOF", ""])
        // Backfilling is the command that parses OpenMetrics; it wants a time in each line.
        let timed = lines.dropLast().map { $0.hasPrefix("# ") ? "\($0)\n" : "\($0) 1700000000\n" }.joined()
        let promtool = try #require(program("promtool"))
        let result = try await withTemporaryFolder { folder in
            let file = folder.appending(path: "metrics")
            try Data(timed.utf8).write(to: file)
            return try await run(
                promtool,
                ["tsdb", "create-blocks-from", "openmetrics", file.path, folder.appending(path: "blocks").path])
        }
        #expect(result.status == 0, "\(result.output)")

        // What it stored is what was written: every series once.
        let series = lines.filter { !$0.hasPrefix("# ") && !$0.isEmpty }.count
        #expect(result.output.contains("\(series)"), "\(series) series were written, stored: \(result.output)")
    }
}
