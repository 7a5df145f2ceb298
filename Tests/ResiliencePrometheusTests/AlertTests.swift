import Foundation
import PrometheusTestSupport
import Testing

@testable import ResiliencePrometheus

/// The rules that the guides offer.
@Suite("Guides/alerts/resilience.yml")
struct AlertTests {
    /// The expressions, each on one line or a block that is indented further.
    static func expressions() throws -> [String] {
        let text = try String(contentsOf: Guides.alerts, encoding: .utf8)
        return text.matches(of: /\n {8}expr: (?:\|\n((?: {10}.*\n)+)|(.+)\n)/).map { String($0.1 ?? $0.2 ?? "") }
    }

    @Test("every metric, label and value that an alert asks for is there")
    func metrics() throws {
        let text = try String(contentsOf: Guides.alerts, encoding: .utf8)
        let expressions = try Self.expressions()
        #expect(expressions.count == text.matches(of: /- alert:/).count)
        let everything = try Everything()
        let check = QueryCheck(page: PrometheusExporter(everything.sources).page().description)
        for expression in expressions { check.check(expression) }
    }

    @Test("promtool check rules", .enabled(if: program("promtool") != nil, "promtool is not installed"))
    func rules() async throws {
        let result = try await run(try #require(program("promtool")), ["check", "rules", Guides.alerts.path])
        #expect(result.status == 0, "\(result.output)")
    }

    @Test(
        "they fire when they should, and not before",
        .enabled(if: program("promtool") != nil, "promtool is not installed"))
    func firing() async throws {
        let labels = #"job="shop",instance="a",name="payments""#
        let tests = """
            rule_files: ['\(Guides.alerts.path)']
            evaluation_interval: 15s
            tests:
              - interval: 15s
                input_series:
                  # Open for 5 minutes, with a moment of half-open in each minute.
                  - series: 'resilience_circuit_breaker_state{\(labels),state="open"}'
                    values: '1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 0x40'
                alert_rule_test:
                  - {eval_time: 1m, alertname: CircuitBreakerOpen}
                  - eval_time: 4m
                    alertname: CircuitBreakerOpen
                    exp_alerts:
                      - exp_labels: {job: shop, instance: a, name: payments, severity: warning}
                        exp_annotations:
                          summary: Circuit breaker payments has rejected calls for 2 minutes
                          description: >-
                            What it protects fails, or is too slow. Calls end at once instead of waiting for it.
                  - {eval_time: 10m, alertname: CircuitBreakerOpen}
              - interval: 15s
                input_series:
                  - series: 'resilience_policy_calls_total{job="shop",name="payments",kind="succeeded"}'
                    values: '0+75x100'
                  - series: 'resilience_policy_calls_total{job="shop",name="payments",kind="failed"}'
                    values: '0+15x100'
                  - series: 'resilience_policy_calls_total{job="shop",name="payments",kind="rejected"}'
                    values: '0+10x100'
                  - series: 'resilience_policy_calls_total{job="shop",name="payments",kind="cancelled"}'
                    values: '0+900x100'
                  - series: 'resilience_policy_calls_total{job="shop",name="rare",kind="failed"}'
                    values: '0+1x100'
                  - series: 'resilience_retry_attempts_total{job="shop",name="payments"}'
                    values: '0+2x100'
                  - series: 'resilience_retry_calls_total{job="shop",name="payments",kind="failed_with_retry"}'
                    values: '0+1x100'
                alert_rule_test:
                  - {eval_time: 4m, alertname: CallsFail}
                  - eval_time: 12m
                    alertname: CallsFail
                    exp_alerts:
                      - exp_labels: {job: shop, name: payments, severity: critical}
                        exp_annotations:
                          summary: 25% of the calls of policy payments fail
                          description: >-
                            After retries and everything else that its layers do. Cancelled calls are left out.
                  - {eval_time: 5m, alertname: RetriesMultiplyLoad}
                  - eval_time: 15m
                    alertname: RetriesMultiplyLoad
                    exp_alerts:
                      - exp_labels: {job: shop, name: payments, severity: warning}
                        exp_annotations:
                          summary: Retry payments makes 2 attempts for each call
                          description: A service that fails under load gets more of it.

            """
        let promtool = try #require(program("promtool"))
        let result = try await withTemporaryFolder { folder in
            let file = folder.appending(path: "tests.yml")
            try Data(tests.utf8).write(to: file)
            return try await run(promtool, ["test", "rules", file.path])
        }
        #expect(result.status == 0, "\(result.output)")
    }
}
