#if AsyncHTTPClient
    import AsyncHTTPClient
    import HTTPSemantics
    import NIOCore
    import NIOHTTP1
    import NIOPosix
    import Resilience
    import ResilienceAsyncHTTPClient
    import ResilienceTesting
    import Testing

    @Suite("A client with the standard pipeline")
    struct StandardTests {
        private let clock = ManualClock()

        /// Without delays.
        private var pipeline: HTTPPipeline.Configuration {
            var pipeline = HTTPPipeline.Configuration()
            pipeline.retry?.backoff = .immediate
            pipeline.pause = nil
            return pipeline
        }

        private func budgetFree() throws -> HTTPPipeline.Configuration {
            var pipeline = pipeline
            pipeline.retry?.budget = try RetryBudget(.ratio(1), clock: clock)
            return pipeline
        }

        @Test("its policies are the module's, and follow its document")
        func module() async throws {
            let module = try ResilienceModule("shop", clock: clock)
            try await RawServer.with([response("503 Busy"), response("503 Busy"), response("200 OK", body: "7")]) {
                server, url in
                try await withClient { client in
                    let api = try ResilientHTTPClient(client, module: module, pipeline: pipeline, clock: clock)
                    try module.update(.init(["families": ["http": ["retry": ["maxAttempts": 2]]]]))
                    let reply = try await api.execute(request(url)) { try await $0.reply() }
                    #expect(reply.status == 503)
                    await module.shutdown()
                    await #expect(throws: ResilienceModule.ShutdownError.self) {
                        try await api.execute(request(url)) { try await $0.reply() }
                    }
                }
                #expect(server.requests.count == 2)
            }
        }

        @Test("two clients in one module need two names")
        func names() async throws {
            let module = try ResilienceModule("shop", clock: clock)
            let first = try ResilientHTTPClient(module: module, clock: clock)
            #expect(throws: ConfigurationError.self) { try ResilientHTTPClient(module: module, clock: clock) }
            let second = try ResilientHTTPClient(name: "search", module: module, clock: clock)
            #expect([first, second].map(\.policies.name) == ["http", "search"])
        }

        @Test("settings that contradict each other are faults")
        func contradictions() {
            var pipeline = pipeline
            pipeline.attemptLimit = .seconds(31)
            #expect(throws: ConfigurationError.self) { try ResilientHTTPClient(pipeline: pipeline) }
        }

        @Test(
            "what may not run twice is repeated only where it was never sent",
            arguments: [("GET", true), ("POST", false)])
        func unsent(method: String, isRepeated: Bool) async throws {
            try await withClient { client in
                let api = try ResilientHTTPClient(client, pipeline: try budgetFree(), clock: clock)
                // Nothing listens on port 1.
                await #expect(throws: IOError.self) {
                    try await api.execute(request("http://127.0.0.1:1", method: method)) { try await $0.reply() }
                }
                #expect(api.policies["127.0.0.1:1"].strategies(CircuitBreaker.self).first?.totals.failed ?? 0 >= 2)
            }
            try await RawServer.with([.close, response("200 OK", body: "7")]) { server, url in
                try await withClient { client in
                    let api = try ResilientHTTPClient(client, pipeline: try budgetFree(), clock: clock)
                    _ = try? await api.execute(request(url, method: method)) { try await $0.reply() }
                }
                #expect(server.requests.count == (isRepeated ? 2 : 1))
            }
        }

        @Test("a request that cannot be made says nothing about a service")
        func permanent() async throws {
            try await withClient { client in
                let api = try ResilientHTTPClient(client, pipeline: pipeline, clock: clock)
                for _ in 1...30 {
                    await #expect(throws: HTTPClientError.invalidHeaderFieldValues(["a\nb"])) {
                        try await api.execute(request("http://127.0.0.1:1", ["x": "a\nb"])) { try await $0.reply() }
                    }
                }
                let breaker = api.policies["127.0.0.1:1"].strategies(CircuitBreaker.self).first
                #expect(breaker?.state == .closed)
                #expect(breaker?.totals.failed == 0)
            }
        }

        @Test("a Retry-After of one call holds back all to its authority")
        func pause() async throws {
            let busy = response("503 Busy", ["Retry-After: 5"])
            var pipeline = HTTPPipeline.Configuration()
            pipeline.retry = nil
            pipeline.totalLimit = nil
            pipeline.pause?.hintJitter = 0
            try await RawServer.with([busy, response("200 OK", body: "7")]) { server, url in
                try await withClient { [pipeline] client in
                    let api = try ResilientHTTPClient(client, pipeline: pipeline, clock: clock)
                    let first = try await api.execute(request(url)) { try await $0.reply() }
                    #expect(first.status == 503)
                    async let second = api.execute(request(url)) { try await $0.reply() }
                    try await clock.waitForSleepers(1)
                    #expect(server.requests.count == 1)
                    clock.advance(by: .seconds(5))
                    let reply = try await second
                    #expect(reply == Reply(200, "7"))
                }
            }
        }

        @Test("the server is told of the priority")
        func priority() async throws {
            var pipeline = pipeline
            pipeline.priorityField = .standard
            try await RawServer.with([response("200 OK")]) { server, url in
                try await withClient { [pipeline] client in
                    let api = try ResilientHTTPClient(client, pipeline: pipeline, clock: clock)
                    _ = try await api.execute(request(url), priority: .high) { try await $0.reply() }
                }
                #expect(server.requests.first?.lowercased().range(of: "priority: ") != nil)
            }
        }
    }
#endif
