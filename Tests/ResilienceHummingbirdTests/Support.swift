#if Hummingbird
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import Logging
    import NIOCore
    import Resilience
    import ResilienceTesting

    @testable import ResilienceHummingbird

    /// Without the lines that a test makes a server write.
    func application(
        _ router: Router<BasicRequestContext>,
        onServerRunning: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: onServerRunning, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    extension Router where Context == BasicRequestContext {
        /// A router with one middleware and one handler, for `GET /`.
        convenience init(
            _ middleware: ResilienceMiddleware<BasicRequestContext>,
            _ handler: @escaping @Sendable (Request, BasicRequestContext) async throws -> Response = { _, _ in
                Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "done")))
            }
        ) {
            self.init()
            add(middleware: middleware)
            get("/", use: handler)
        }
    }

    extension TestClientProtocol {
        func get(_ path: String = "/", _ fields: HTTPFields = [:]) async throws -> TestResponse {
            try await execute(uri: path, method: .get, headers: fields, body: nil)
        }
    }

    /// Where handlers wait until a test lets them go on.
    final class Gate: Sendable {
        private let arrivals = AsyncStream.makeStream(of: Void.self)
        private let openings = AsyncStream.makeStream(of: Void.self)

        /// Waits, as one of the handlers that are let go one by one.
        func pass() async {
            arrivals.continuation.yield()
            for await _ in openings.stream { return }
        }

        /// Until a handler waits.
        func arrival() async {
            for await _ in arrivals.stream { return }
        }

        /// Lets one handler go on.
        func open() { openings.continuation.yield() }

        /// Ends all waits, also those to come.
        func finish() {
            arrivals.continuation.finish()
            openings.continuation.finish()
        }
    }

    /// Tells when a bulkhead has had a slot back.
    final class FinishedCalls: PolicyObserver {
        private let finished = AsyncStream.makeStream(of: Void.self)

        func observe(_ event: some PolicyEvent) {
            if case .finished = (event as? Bulkhead.Event)?.kind { finished.continuation.yield() }
        }

        func next() async {
            for await _ in finished.stream { return }
        }
    }

    extension HTTPField.Name {
        static let tenant = named("X-Tenant")
        static let rateLimit = named("RateLimit")
        static let rateLimitPolicy = named("RateLimit-Policy")

        private static func named(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .retryAfter }
    }

    func tenant(_ name: String) -> HTTPFields { [.tenant: name] }
#endif
