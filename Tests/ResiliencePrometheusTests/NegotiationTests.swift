import ResiliencePrometheus
import Testing

@Suite("Content negotiation")
struct NegotiationTests {
    @Test(
        "text",
        arguments: [
            nil, "", "*/*", "text/plain", "text/plain;version=0.0.4", "text/*", "text/html", "application/json",
            ",;=,,",
            "application/openmetrics-text;q=0", "application/openmetrics-text;q=0,*/*",
            "application/openmetrics-text; version=0.0.1",
            "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.6",
            "application/openmetrics-text;q=0.3,*/*;q=0.6", "application/openmetrics-text;q=x",
            "application/openmetrics-text;q=7", "application/openmetrics-textual", "application/*",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ])
    func text(accept: String?) {
        #expect(PrometheusExporter.Format.preferred(accept: accept) == .text)
    }

    @Test(
        "OpenMetrics",
        arguments: [
            "application/openmetrics-text", "application/openmetrics-text;version=1.0.0",
            "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5",
            "application/openmetrics-text,text/plain", "text/plain;q=0.5,application/openmetrics-text;q=0.5",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;q=0.4,text/plain;q=0.3,*/*;q=0.9",
            "application/openmetrics-text;q=0.4,text/plain;version=1.0.0;q=0.9",
        ])
    func openMetrics(accept: String) {
        #expect(PrometheusExporter.Format.preferred(accept: accept) == .openMetrics)
        #expect(
            PrometheusExporter([]).page(accept: accept).contentType.hasPrefix(
                "application/openmetrics-text; version=1.0.0"))
    }

    @Test("the content types")
    func contentTypes() {
        #expect(PrometheusExporter.Format.text.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            PrometheusExporter.Format.openMetrics.contentType
                == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    }
}
