import Foundation
import Resilience
import ResiliencePrometheus
import ResilienceTesting
import Testing

@Suite("Guides/Observability.md")
struct ObservabilityExamples {
    let gateway = Gateway()
    let order = Order()

    /// What a server's library gives and takes.
    struct Request {
        var headers: [String: String] = [:]
    }

    struct Reply {
        var status = 200
        var contentType = ""
        var body: [UInt8] = []
    }

    @Test("the first page")
    func first() async throws {
        let calls = CallMetrics()
        let payments = try Policy("payments", observers: [calls]) {
            Retry.layer(.exponential(from: .milliseconds(50)), maxAttempts: 3)
            CircuitBreaker.layer()
        }
        let exporter = PrometheusExporter([payments, calls])

        _ = try await payments.execute { try await gateway.charge(order) }
        print(exporter.page())
        let page = exporter.page().description
        #expect(page.contains("resilience_policy_calls_total{name=\"payments\",kind=\"succeeded\"} 1\n"))
        #expect(page.contains("resilience_circuit_breaker_state{name=\"payments\",state=\"closed\"} 1\n"))
    }

    @Test("events")
    func events() async throws {
        struct Alarm: PolicyObserver {
            func observe(_ event: some PolicyEvent) {
                if let event = event as? CircuitBreaker.Event, case .transition(let transition) = event.kind {
                    print("\(event.source): \(transition)")  // payments: closed → open (failure rate 0.6)
                } else if event.severity >= .warning {
                    print("\(event.source): \(event)")
                }
            }
        }

        let payments = try Policy("payments", observers: [Alarm()]) {
            CircuitBreaker.layer()
        }
        let recorder = EventRecorder()
        payments.addObserver(recorder)
        payments.circuitBreakers[0].isolate()
        #expect(recorder.names == ["circuit_breaker.transition"])
    }

    @Test("totals, states and one call's story")
    func totals() async throws {
        let payments = try Policy("payments") {
            Retry.layer(maxAttempts: 3)
            CircuitBreaker.layer()
        }
        let breaker = payments.circuitBreakers[0]
        print(breaker.state, breaker.failureRate as Any, breaker.totals.rejected)

        let execution = await payments.run { try await gateway.charge(order) }
        print(execution.attempts, execution.duration, execution.rejection as Any)
        #expect(execution.attempts == 1)

        let metrics = MetricCollection(of: [payments])
        for sample in metrics.samples(of: "resilience.circuit_breaker.calls") {
            print(sample.labels, sample.value)  // ["payments", "succeeded"] integer(1)
        }
        #expect(metrics.samples(of: "resilience.circuit_breaker.calls").first?.value == .integer(1))
    }

    @Test("a page over HTTP")
    func serving() throws {
        let exporter = PrometheusExporter([try CircuitBreaker("payments")])

        func metrics(_ request: Request) -> Reply {
            let page = exporter.page(accept: request.headers["Accept"])
            return Reply(status: 200, contentType: page.contentType, body: page.bytes)
        }

        #expect(metrics(Request()).contentType == "text/plain; version=0.0.4; charset=utf-8")
        let reply = metrics(Request(headers: ["Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"]))
        #expect(String(decoding: reply.body, as: UTF8.self).hasSuffix("# EOF\n"))
    }

    @Test("buckets")
    func buckets() throws {
        let standard = CallMetrics()
        let fine = CallMetrics(buckets: try .exponential(from: .microseconds(100), factor: 2, count: 12))
        let few = CallMetrics(
            buckets: try HistogramBuckets([.milliseconds(50), .milliseconds(250), .seconds(1), .seconds(5)]))
        let counted = CallMetrics(buckets: nil)
        #expect(standard.buckets == .standard && fine.buckets?.bounds.count == 12)
        #expect(few.buckets?.bounds.last == .seconds(5) && counted.buckets == nil)
        #expect(throws: ConfigurationError.self) { try HistogramBuckets([.seconds(1), .seconds(1)]) }
    }

    @Test("several observers")
    func eventCounts() throws {
        let (calls, events) = (CallMetrics(), EventMetrics())
        let payments = try Policy("payments", observers: [calls, events]) { CircuitBreaker.layer() }
        let exporter = PrometheusExporter([payments, calls, events])
        payments.circuitBreakers[0].isolate()
        #expect(
            exporter.page().description.contains(
                "resilience_events_total{name=\"payments\",event=\"circuit_breaker.transition\",severity="))
    }

    @Test("the names of resilience4j")
    func resilience4j() throws {
        let sources = [try CircuitBreaker("payments")]
        let asBefore = PrometheusExporter(sources, naming: .resilience4j)
        let both = PrometheusExporter(sources, naming: [.neutral, .resilience4j])
        #expect(
            asBefore.page().description.contains(
                "resilience4j_circuitbreaker_state{name=\"payments\",state=\"open\"} 0"))
        #expect(both.page().bytes.count > asBefore.page().bytes.count)
    }

    @Test("metrics of one's own")
    func ownMetrics() throws {
        final class ConnectionPool: MetricSource {
            static let connections = MetricFamily(
                "shop.connections", .gauge, labels: ["name", "state"], help: "Connections to the database.")

            func collect(into metrics: inout MetricCollection) {
                metrics.add(Self.connections, ["orders", "idle"], 3)
                metrics.add(Self.connections, ["orders", "in_use"], 5)
            }
        }

        let page = PrometheusExporter([ConnectionPool()]).page()
        print(page.omitted)  // names of families that could not be shown; usually none
        #expect(page.omitted.isEmpty)
        #expect(page.description.contains("shop_connections{name=\"orders\",state=\"in_use\"} 5\n"))
    }
}
