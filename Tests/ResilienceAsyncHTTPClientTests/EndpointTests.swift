#if AsyncHTTPClient
    import AsyncHTTPClient
    import HTTPSemantics
    import NIOCore
    import NIOHTTP2
    import Resilience
    import ResilienceCore
    import ResilienceTesting
    import Testing

    @testable import ResilienceAsyncHTTPClient

    @Suite("Several endpoints")
    struct EndpointTests {
        private let clock = ManualClock()

        /// Two servers and a client of both.
        private func with(
            _ first: [RawServer.Step], _ second: [RawServer.Step], delay: Hedge.Delay = .onlyAfterFailure,
            throwsFailures: Bool = false, module: ResilienceModule? = nil,
            _ body: (HedgingHTTPClient, RawServer, RawServer) async throws -> Void
        ) async throws {
            try await RawServer.with(first) { one, oneURL in
                try await RawServer.with(second) { two, twoURL in
                    try await withClient { client in
                        let search = try HedgingHTTPClient(
                            client, name: "search", module: module, pipeline: .init(throwsFailures: throwsFailures),
                            endpoints: [HTTPEndpoint(oneURL), HTTPEndpoint(twoURL)], hedge: .init(delay: delay),
                            clock: clock)
                        try await body(search, one, two)
                    }
                }
            }
        }

        @Test("the first answers, and the second is not asked")
        func first() async throws {
            try await with([response("200 OK", body: "1")], [response("200 OK", body: "2")]) { search, one, two in
                let reply = try await search.execute(request("/find?q=tea#top")) { try await $0.reply() }
                #expect(reply == Reply(200, "1"))
                #expect(one.requests.first?.hasPrefix("GET /find?q=tea HTTP/1.1") == true)
                #expect(two.requests.isEmpty)
            }
        }

        @Test("after a failure the second is asked, with its own authority", arguments: [true, false])
        func failed(isRefused: Bool) async throws {
            let failing: RawServer.Step = isRefused ? .close : response("503 Busy", body: "busy")
            try await with([failing], [response("200 OK", body: "2")]) { search, one, two in
                let reply = try await search.execute(request("https://example.com:99/a")) { try await $0.reply() }
                #expect(reply == Reply(200, "2"))
                #expect(one.requests.count == 1)
                let port = search.pipeline.endpoints[1].authority
                #expect(two.requests.first?.lowercased().contains("host: \(port)\r\n") == true)
            }
        }

        @Test("one that does not answer is overtaken after the delay")
        func slow() async throws {
            // It sends half a head, and nothing more.
            try await with(
                [.answer("HTTP/1.1 200")], [response("200 OK", body: "2")], delay: .fixed(.milliseconds(10))
            ) { search, one, two in
                async let reply = search.execute(request("/")) { try await $0.reply() }
                try await one.waitForRequests(1)
                // The limits of the call and of the attempt, and the delay.
                try await clock.waitForTimers(3)
                #expect(two.requests.isEmpty)
                clock.advance(by: .milliseconds(10))
                #expect(try await reply == Reply(200, "2"))
                #expect(search.pipeline.hedge.totals.hedges == 1)
            }
        }

        @Test("what the service may have run and may not run twice is sent once")
        func unsafe() async throws {
            try await with([.close], [response("200 OK")]) { search, one, two in
                await #expect(throws: (any Error).self) {
                    try await search.execute(request("/", method: "POST"), body: .bytes(ByteBuffer(string: "x"))) {
                        try await $0.reply()
                    }
                }
                #expect(two.requests.isEmpty)
                let reply = try await search.execute(
                    request("/", method: "POST"), body: .bytes(ByteBuffer(string: "x")), idempotent: true
                ) { try await $0.reply() }
                #expect(reply.status == 200)
                #expect(two.bodies == ["x"])
            }
        }

        @Test("a failure of all comes back as a response, or is thrown with it")
        func allFail() async throws {
            for throwsFailures in [false, true] {
                try await with(
                    [response("500 One", body: "1")], [response("502 Two", body: "2")], throwsFailures: throwsFailures
                ) { search, _, _ in
                    do {
                        let reply = try await search.execute(request("/")) { try await $0.reply() }
                        #expect(!throwsFailures)
                        #expect(reply.status >= 500 && !reply.body.isEmpty)
                    } catch let failure as HTTPFailure {
                        #expect(throwsFailures)
                        #expect(failure.response is HTTPClientResponse)
                    }
                }
            }
        }

        @Test("what the reader throws of its own is thrown on, and no endpoint's failure")
        func reader() async throws {
            struct Unreadable: Error {}
            try await with([response("200 OK")], [response("200 OK")]) { search, one, two in
                await #expect(throws: Unreadable.self) {
                    try await search.execute(request("/")) { _ -> Int in throw Unreadable() }
                }
                #expect(two.requests.isEmpty)
            }
        }

        @Test("its numbers are the module's")
        func document() async throws {
            let module = try ResilienceModule("shop", clock: clock)
            try await with([response("200 OK")], [response("200 OK")], module: module) { search, _, _ in
                try module.update(.init(["hedges": ["search": ["delay": "3s"]], "timeouts": ["search": "20s"]]))
                #expect(throws: ConfigurationError.self) {
                    try module.update(.init(["hedges": ["search": ["delay": "30s"]]]))
                }
                #expect(search.pipeline.hedge.configuration.delay.starts(of: 1).first == .seconds(3))
            }
        }

        @Test("a stream that was refused by HTTP/2 may be repeated, but not with a body that was read")
        func refusedStream() async throws {
            let refused = NIOHTTP2Errors.streamClosed(streamID: 1, errorCode: .refusedStream)
            for (body, isRepeated) in [
                (HTTPRequestBody.bytes(ByteBuffer(string: "x")), true), (.oneShot(Chunks(chunks: ["x"])), false),
                (nil, true),
            ] as [(HTTPRequestBody?, Bool)] {
                let call = RequestCall(.shared, request("http://a/", method: "POST"), body, nil, .init())
                if let body { for try await _ in body.make() {} }
                #expect((call.failed(with: refused, isAnswered: false) is HTTPUnrepeatableError) == !isRepeated)
                #expect(call.failed(with: refused, isAnswered: true) is HTTPUnrepeatableError)
            }
        }

        @Test("what came to a connection as it was closing was never sent, unless its caller has cancelled it")
        func closingConnection() async throws {
            let order = RequestCall(.shared, request("http://a/", method: "POST"), nil, nil, .init())
            let closing = HTTPClientError.cancelled
            #expect(order.failed(with: closing, isAnswered: false) as? HTTPClientError == closing)
            #expect(order.failed(with: closing, isAnswered: true) is HTTPUnrepeatableError)
            #expect(HTTPSendOutcome.ofCall(closing) == .neverSent)
            try await inCancelledTask { #expect(HTTPSendOutcome.ofCall(closing) == .permanent) }
        }

        @Test(
            "what comes after the authority is kept",
            arguments: [
                ("/a?b", "/a?b"), ("https://x/a?b#c", "/a?b"), ("https://x", "/"), ("https://x?b", "/?b"), ("a", "/a"),
                ("", "/"), ("https://x#c", "/"), ("/a?u=http://y/z", "/a?u=http://y/z"),
            ])
        func paths(url: String, path: String) { #expect(pathAndQuery(of: url) == path) }
    }
#endif
