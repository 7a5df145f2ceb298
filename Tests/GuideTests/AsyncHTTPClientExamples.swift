#if AsyncHTTPClient
    import AsyncHTTPClient
    import NIOCore
    import NIOHTTP1
    import Resilience
    import ResilienceAsyncHTTPClient
    import Testing

    @Suite("Guides/AsyncHTTPClient.md")
    struct AsyncHTTPClientExamples {
        // Nothing listens on port 1.
        private let request = HTTPClientRequest(url: "http://127.0.0.1:1/quote")

        private func withClient(_ body: (HTTPClient) async throws -> Void) async throws {
            var configuration = HTTPClient.Configuration()
            configuration.connectionPool.retryConnectionEstablishment = false
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            await #expect(throws: (any Error).self) { try await body(client) }
            try await client.shutdown()
        }

        @Test("a client")
        func quotes() async throws {
            try await withClient { client in
                let hosts = try PolicyFamily<String>("hosts", maxKeys: 500) {
                    Timeout.layer("total", .seconds(30))
                    Retry.layer(.exponential(), maxAttempts: 3)
                    CircuitBreaker.layer()
                    Timeout.layer("attempt", .seconds(10))
                }
                let api = ResilientHTTPClient(client, policies: hosts)

                let quote = try await api.execute(request) { response in
                    try await response.body.collect(upTo: 1 << 20)
                }
                print(quote)
            }
        }

        @Test("failures that are thrown")
        func failures() async throws {
            try await withClient { client in
                let hosts = try PolicyFamily<String>("hosts", maxKeys: 500) { CircuitBreaker.layer() }
                let throwing = ResilientHTTPClient(client, policies: hosts, options: .init(failures: .thrown))
                do {
                    _ = try await throwing.execute(request) { $0.status }
                } catch let failure as HTTPFailure {
                    print("status \(failure.status), retry after \(failure.retryAfter, default: "?")")
                }
            }
        }

        @Test("a body")
        func bodies() async throws {
            try await withClient { client in
                let hosts = try PolicyFamily<String>("hosts", maxKeys: 500) { CircuitBreaker.layer() }
                let api = ResilientHTTPClient(client, policies: hosts)
                var order = request
                order.method = .PUT
                let json = ByteBuffer(string: "{}")
                let receipt = try await api.execute(order, body: .bytes(json)) { response in
                    try await response.body.collect(upTo: 1 << 20)
                }
                print(receipt)
            }
        }
    }
#endif
