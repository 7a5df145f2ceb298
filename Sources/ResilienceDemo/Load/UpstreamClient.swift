import Foundation
import ResilienceURLSession

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Calls an upstream, as an application calls a service it depends on.
struct UpstreamClient: Sendable {
    struct Response: Sendable, Equatable {
        let status: Int
        let body: String
    }

    struct NotHTTP: Error {}

    private let session: URLSession
    private let base: String

    init(port: UInt16) {
        let configuration = URLSessionConfiguration.ephemeral
        // On Linux, URLSession counts timeouts in whole seconds.
        configuration.timeoutIntervalForRequest = 1
        configuration.timeoutIntervalForResource = 5
        // The default of 6 would be a limit of concurrency, a pattern of its own.
        configuration.httpMaximumConnectionsPerHost = 512
        configuration.connectionProxyDictionary = [:]
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        session = URLSession(configuration: configuration)
        base = "http://127.0.0.1:\(port)"
    }

    /// Asks for the state of an order.
    ///
    /// - Parameters:
    ///   - order: Which.
    ///   - call: The number of the call. Decides what becomes of it, with the attempt: a further attempt is a request
    ///     of its own to the upstream, and meets a fate of its own.
    func state(ofOrder order: Int, call: Int, attempt: Int = 1) async throws -> Response {
        try await get("/orders/\(order)?request=\(call + (attempt - 1) * 1_000_000)")
    }

    /// Makes the session's first request, which takes longer than others. A second try meets no connection from before
    /// the upstream's last restart.
    func warmUp() async throws {
        do {
            _ = try await get("/")
        } catch {
            _ = try await get("/")
        }
    }

    private func get(_ path: String) async throws -> Response {
        guard let url = URL(string: base + path) else { throw URLError(.badURL) }
        let (body, response) = try await session.cancellableData(for: URLRequest(url: url))
        guard let response = response as? HTTPURLResponse else { throw NotHTTP() }
        return Response(status: response.statusCode, body: String(decoding: body, as: UTF8.self))
    }

    func close() {
        session.invalidateAndCancel()
    }
}
