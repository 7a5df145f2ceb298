import Foundation
import Resilience
import ResiliencePrometheus

/// What a status server answers.
protocol Routes: Sendable {
    func answer(_ request: HTTPRequest) -> HTTPResponse
}

/// What the status server of a run answers.
struct StatusRoutes: Routes {
    let module: ResilienceModule
    let metrics: PrometheusExporter
    /// What the live view shows now; `nil` before there is something.
    let frame: @Sendable () -> Frame?

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return HTTPResponse(status: 405, body: "only GET and HEAD\n", headers: [("Allow", "GET, HEAD")])
        }
        return switch request.path.prefix(while: { $0 != "?" }) {
        case "/": page
        case "/status.json": status
        case "/health": health
        case "/metrics": metrics(accept: request.accept)
        default: HTTPResponse(status: 404, body: "there is /, /status.json, /health and /metrics\n")
        }
    }

    private static let common = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]

    private var page: HTTPResponse {
        // The page needs nothing but itself and its data, and may load nothing else.
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return HTTPResponse(
            status: 200, contentType: "text/html; charset=utf-8", body: StatusPage.html,
            headers: Self.common + [("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer")])
    }

    private var status: HTTPResponse {
        guard let frame = frame() else {
            return HTTPResponse(
                status: 503, contentType: "application/json", body: "{}\n",
                headers: Self.common + [("Retry-After", "1")])
        }
        return json(StatusReport(frame, module: module.state, health: module.health), status: 200)
    }

    /// 503 while the module is down: while it lets no call in, or something critical does not work.
    private var health: HTTPResponse {
        let health = module.health
        return json(health, status: health.status == .down ? 503 : 200)
    }

    private func metrics(accept: String?) -> HTTPResponse {
        let page = metrics.page(accept: accept)
        return HTTPResponse(
            status: 200, contentType: page.contentType, body: page.description,
            headers: Self.common + [("Vary", "Accept")])
    }

    private func json(_ value: some Encodable, status: Int) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            return HTTPResponse(status: 500, body: "the answer cannot be written as JSON\n")
        }
        return HTTPResponse(
            status: status, contentType: "application/json", body: String(decoding: data, as: UTF8.self) + "\n",
            headers: Self.common)
    }
}
