import AsyncHTTPClient
import Hummingbird
import Resilience
import ResilienceAsyncHTTPClient
import ResilienceTracing

/// The two services that the shop calls.
struct Upstreams: Sendable {
    let base: String
    private let prices: ResilientHTTPClient
    private let stock: ResilientHTTPClient
    /// A span for each call; those of a layer would be of each attempt.
    private let traces: (prices: Policy, stock: Policy)

    init(base: String, module: ResilienceModule) throws {
        self.base = base
        prices = try ResilientHTTPClient(.shared, name: "prices", module: module, pipeline: ShopPolicies.prices)
        stock = try ResilientHTTPClient(.shared, name: "stock", module: module, pipeline: ShopPolicies.stock)
        traces = (try Policy("prices") { Trace.layer() }, try Policy("stock") { Trace.layer() })
    }

    func price(of item: String) async throws -> Int {
        try await traces.prices.execute { try await number(prices, "prices/\(item)") }
    }

    /// `nil` if the service does not say, for whatever reason.
    func stock(of item: String) async throws -> Int? {
        try? await traces.stock.execute { try await number(stock, "stock/\(item)") }
    }

    private func number(_ client: ResilientHTTPClient, _ path: String) async throws -> Int {
        try await client.execute(HTTPClientRequest(url: "\(base)/\(path)")) { response in
            // What is left after all attempts, and answers that no attempt changes.
            guard response.status == .ok else { throw HTTPError(.badGateway) }
            // Within the attempt, so that its time limit bounds the body as well.
            let body = try await response.body.collect(upTo: 1024)
            guard let number = Int(String(buffer: body)) else { throw HTTPError(.badGateway) }
            return number
        }
    }
}
