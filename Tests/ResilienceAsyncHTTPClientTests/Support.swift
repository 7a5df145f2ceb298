#if AsyncHTTPClient
    import AsyncHTTPClient
    import NIOCore
    import NIOHTTP1
    import Resilience
    import ResilienceAsyncHTTPClient
    import ResilienceTesting

    /// Runs with a client that is shut down afterwards.
    func withClient<Result>(
        _ configure: (inout HTTPClient.Configuration) -> Void = { _ in }, _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configure(&configuration)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(client)
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    func request(_ url: String, method: String = "GET", _ fields: [String: String] = [:]) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .init(rawValue: method)
        for (name, value) in fields { request.headers.add(name: name, value: value) }
        return request
    }

    /// What a test looks at of a response.
    struct Reply: Sendable, Equatable {
        var status: Int
        var body: String

        init(_ status: Int, _ body: String) {
            self.status = status
            self.body = body
        }
    }

    extension HTTPClientResponse {
        nonisolated(nonsending) func reply() async throws -> Reply {
            Reply(Int(status.code), String(buffer: try await body.collect(upTo: 1 << 20)))
        }
    }

    /// Chunks of a body.
    struct Chunks: AsyncSequence, Sendable {
        typealias Element = ByteBuffer

        let chunks: [String]

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: chunks[...]) }

        struct AsyncIterator: AsyncIteratorProtocol {
            var rest: ArraySlice<String>
            mutating func next() async -> ByteBuffer? { rest.popFirst().map { ByteBuffer(string: $0) } }
        }
    }

    /// A policy for each authority, on a clock that stands still.
    struct Hosts {
        let clock = ManualClock()
        let breaker: CircuitBreaker

        init() throws {
            breaker = try CircuitBreaker("hosts", .init(trip: .consecutiveFailures(1_000)), clock: clock)
        }

        /// Three attempts.
        func retrying(_ backoff: Backoff = .immediate) throws -> PolicyFamily<String> {
            try PolicyFamily<String>("hosts", maxKeys: 10, clock: clock) {
                Retry.layer(.init(backoff: backoff, hintJitter: 0))
                breaker
            }
        }

        func limited(_ limit: Duration) throws -> PolicyFamily<String> {
            try PolicyFamily<String>("hosts", maxKeys: 10, clock: clock) {
                breaker
                Timeout.layer(limit)
            }
        }
    }
#endif
