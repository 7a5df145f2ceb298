/// What the examples call.
struct Order: Sendable {}
struct Receipt: Sendable, Equatable { var id = 1 }
struct Quote: Sendable, Equatable { var price = 1 }

struct GatewayError: Error { var isServerError = true }
struct MaintenanceError: Error {}

struct Gateway: Sendable {
    func charge(_ order: Order) async throws -> Receipt { Receipt() }
    func latestQuote() async throws -> Quote { Quote() }
}

struct Response: Sendable, Equatable {
    var status = 200
    var retryAfter: Duration?
}

struct Client: Sendable {
    var status = 200
    func get(_ path: String, timeout: Duration? = nil) async throws -> Response { Response(status: status) }
    func send(_ request: String) async throws {}
}
