import AsyncHTTPClient
import Foundation
import Hummingbird
import Resilience
import ResilienceHummingbird

/// The two services that the shop calls.
struct Upstreams: Sendable {
    let base: String
    let prices: Policy
    let stock: Policy

    func price(of item: String) async throws -> Int {
        try await prices.execute { try await get("prices/\(item)") }
    }

    /// `nil` if the service does not say, for whatever reason.
    func stock(of item: String) async throws -> Int? {
        try await stock.execute {
            try await get("stock/\(item)")
        } fallback: { _ in
            nil
        }
    }

    private func get(_ path: String) async throws -> Int {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "\(base)/\(path)"), timeout: .seconds(10))
        guard response.status.code < 400 else {
            // With the server's hint, so that breakers and retries can heed it.
            let hint = response.headers.first(name: "Retry-After").map {
                ServerHint.http(retryAfter: $0, secondsSince1970: Date().timeIntervalSince1970)
            }
            throw HTTPFailure(status: Int(response.status.code), hint: hint)
        }
        // Within the call, so that its time limit bounds the body as well.
        let body = try await response.body.collect(upTo: 1024)
        guard let number = Int(String(buffer: body)) else { throw HTTPError(.badGateway) }
        return number
    }
}
