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

        @Test("the shared client")
        func shared() async throws {
            let resilience = try ResilienceModule("shop")
            await #expect(throws: (any Error).self) {
                var request = request
                request.url = "nowhere"
                let api = try ResilientHTTPClient(.shared, module: resilience)

                let quote = try await api.execute(request) { response in
                    try await response.body.collect(upTo: 1 << 20)
                }
                print(quote)
            }
            try resilience.update(
                .init(["families": ["http": ["retry": ["maxAttempts": 2], "bulkhead": ["limit": 8]]]]))
        }

        @Test("other numbers")
        func numbers() async throws {
            let resilience = try ResilienceModule("shop")
            try await withClient { client in
                var pipeline = HTTPPipeline.Configuration(totalLimit: .seconds(5), attemptLimit: .seconds(2))
                pipeline.retry?.maxAttempts = 2
                let search = try ResilientHTTPClient(client, name: "search", module: resilience, pipeline: pipeline)
                _ = try await search.execute(request) { $0.status }
            }
        }

        @Test("policies of one's own")
        func own() async throws {
            try await withClient { client in
                let hosts = try PolicyFamily<String>("hosts", maxKeys: 500) {
                    Retry.layer(.exponential(), maxAttempts: 3)
                    CircuitBreaker.layer()
                    Timeout.layer(.seconds(10))
                }
                let api = ResilientHTTPClient(client, policies: hosts)
                _ = try await api.execute(request) { $0.status }
            }
        }

        @Test("several endpoints")
        func endpoints() async throws {
            let resilience = try ResilienceModule("shop")
            // One whose shutdown ends its requests before they leave the machine.
            let client = HTTPClient(eventLoopGroupProvider: .singleton)
            try await client.shutdown()
            await #expect(throws: (any Error).self) {
                let search = try HedgingHTTPClient(
                    client, name: "search", module: resilience,
                    endpoints: [HTTPEndpoint("https://eu.example.com"), HTTPEndpoint("https://us.example.com")],
                    hedge: .init(delay: .fixed(.milliseconds(300))))
                let page = try await search.execute(HTTPClientRequest(url: "/search?q=tea")) { response in
                    try await response.body.collect(upTo: 1 << 20)
                }
                print(page)
            }
        }

        @Test("failures that are thrown")
        func failures() async throws {
            try await withClient { client in
                let throwing = try ResilientHTTPClient(client, pipeline: .init(throwsFailures: true))
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
