import Foundation

/// What the status server of a run with several processes answers.
struct FleetRoutes: Routes {
    let board: FleetBoard

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return HTTPResponse(status: 405, body: "only GET and HEAD\n", headers: [("Allow", "GET, HEAD")])
        }
        return switch request.path.prefix(while: { $0 != "?" }) {
        case "/":
            HTTPResponse(
                status: 200, contentType: "text/html; charset=utf-8", body: FleetPage.html,
                headers: Self.common + [("Content-Security-Policy", Self.policy), ("Referrer-Policy", "no-referrer")])
        case "/status.json": status
        default: HTTPResponse(status: 404, body: "there is / and /status.json\n")
        }
    }

    private static let common = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    // The page needs nothing but itself and its data, and may load nothing else.
    private static let policy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
        + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private var status: HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(FleetStatus(board.record)) else {
            return HTTPResponse(status: 500, body: "the answer cannot be written as JSON\n")
        }
        return HTTPResponse(
            status: 200, contentType: "application/json", body: String(decoding: data, as: UTF8.self) + "\n",
            headers: Self.common)
    }
}

/// What the page shows.
struct FleetStatus: Encodable {
    struct Node: Encodable {
        let number: Int
        let state: String
        let fleet: String
        let isDegraded: Bool
        let openedAfter: Double?
        let openedBy: String
        let closedAfter: Double?
        let closedBy: String
        let succeeded: Int
        let failed: Int
        let refused: Int
        let exchanges: Int
        let errors: Int
    }

    struct Entry: Encodable {
        let seconds: Double
        let text: String
    }

    let nodes: [Node]
    let entries: [Entry]
    let timeToAgree: Double?

    init(_ record: FleetRecord) {
        nodes = record.nodes.enumerated().map { index, node in
            Node(
                number: index + 1, state: node.state, fleet: node.fleet, isDegraded: node.isDegraded,
                openedAfter: node.openedAfter, openedBy: node.openedBy, closedAfter: node.closedAfter,
                closedBy: node.closedBy, succeeded: node.succeeded, failed: node.failed, refused: node.refused,
                exchanges: node.exchanges, errors: node.errors)
        }
        entries = record.entries.suffix(200).map { Entry(seconds: $0.at / 1_000, text: $0.text) }
        timeToAgree = record.timeToAgree
    }
}
