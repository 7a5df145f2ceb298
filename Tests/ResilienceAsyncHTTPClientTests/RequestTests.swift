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

    @Suite("Requests of a client with policies")
    struct RequestTests {
        private let hosts: Hosts
        init() throws { hosts = try Hosts() }

        @Test(
            "what the service may have done is done again only if that does no harm",
            arguments: [
                ("GET", [:], Bool?.none, 3), ("PUT", [:], nil, 3), ("DELETE", [:], nil, 3), ("POST", [:], nil, 1),
                ("PATCH", [:], nil, 1), ("POST", ["Idempotency-Key": "1"], nil, 3), ("POST", [:], true, 3),
                ("GET", [:], false, 1), ("PURGE", [:], nil, 1),
            ] as [(String, [String: String], Bool?, Int)])
        func methods(method: String, fields: [String: String], isIdempotent: Bool?, attempts: Int) async throws {
            for step in [
                response("503 Busy"), .close, .answerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"),
            ] {
                try await RawServer.with([step]) { server, url in
                    try await withClient { client in
                        let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                        _ = try? await api.execute(request(url, method: method, fields), idempotent: isIdempotent) {
                            try await $0.reply()
                        }
                    }
                    #expect(server.requests.count == attempts, "\(step)")
                }
            }
        }

        @Test("a request that never was sent is made again, whatever its method", arguments: ["GET", "POST"])
        func refused(method: String) async throws {
            try await withClient { client in
                let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                // Nothing listens on port 1.
                await #expect(throws: IOError.self) {
                    try await api.execute(
                        request("http://127.0.0.1:1", method: method), body: .oneShot(Chunks(chunks: ["1"]))
                    ) { try await $0.reply() }
                }
            }
            #expect(hosts.breaker.totals.failed == 3)
        }

        @Test("a kept connection that the server closes costs an attempt")
        func keptConnection() async throws {
            try await RawServer.with([response("200 OK", body: "1"), .close, response("200 OK", body: "2")]) {
                server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let first = try await api.execute(request(url)) { try await $0.reply() }
                    let second = try await api.execute(request(url)) { try await $0.reply() }
                    #expect([first, second] == [Reply(200, "1"), Reply(200, "2")])
                }
                #expect(server.connections == 2)
            }
        }

        @Test("bytes, and what is produced again, are sent again from the beginning")
        func bodies() async throws {
            let bodies: [HTTPRequestBody] = [
                .bytes(ByteBuffer(string: "abc")), .bytes("abc".utf8),
                .restartable(length: .known(Int64(3))) { Chunks(chunks: ["a", "bc"]) },
            ]
            for body in bodies {
                try await RawServer.with([response("503 Busy"), response("200 OK")]) { server, url in
                    try await withClient { client in
                        let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                        let reply = try await api.execute(request(url, method: "PUT"), body: body) {
                            try await $0.reply()
                        }
                        #expect(reply.status == 200)
                    }
                    #expect(server.bodies == ["abc", "abc"], "\(body.replay)")
                }
            }
        }

        @Test("what can be read once is sent once, also in a request of the client's own type")
        func oneShot() async throws {
            for isOwn in [true, false] {
                try await RawServer.with([response("503 Busy"), response("200 OK")]) { server, url in
                    try await withClient { client in
                        let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                        var request = request(url, method: "PUT")
                        let chunks = Chunks(chunks: ["a", "bc"])
                        if !isOwn { request.body = .stream(chunks, length: .known(Int64(3))) }
                        let reply = try await api.execute(
                            request, body: isOwn ? .oneShot(length: .known(Int64(3)), chunks) : nil
                        ) { try await $0.reply() }
                        #expect(reply.status == 503)
                    }
                    #expect(server.bodies == ["abc"])
                }
            }
        }

        @Test("an answer before the body was sent is an answer")
        func early() async throws {
            try await RawServer.with([.answerEarly(text(of: "413 Too Large", ["Connection: close"], body: "no"))]) {
                _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let reply = try await api.execute(
                        request(url, method: "PUT"), body: .bytes(ByteBuffer(repeating: 0x61, count: 100_000))
                    ) { try await $0.reply() }
                    #expect(reply == Reply(413, "no"))
                }
            }
        }

        @Test(
            "a request that cannot be made is the caller's fault: neither repeated, nor counted against a service",
            arguments: ["", "nonsense", "http://", "gopher://example.com", "http://127.0.0.1:1/?\u{0}"])
        func unusable(url: String) async throws {
            try await withClient { client in
                let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                var request = request(url)
                request.headers.add(name: "x", value: "line\nbreak")
                await #expect(throws: HTTPClientError.self) {
                    try await api.execute(request) { try await $0.reply() }
                }
            }
            #expect(hosts.breaker.totals.failed == 0)
            #expect(hosts.breaker.totals.succeeded == 0)
        }

        @Test("a client that was shut down says so itself")
        func shutDown() async throws {
            let client = HTTPClient(eventLoopGroupProvider: .singleton)
            try await client.shutdown()
            let api = ResilientHTTPClient(client, policies: try hosts.retrying())
            await #expect(throws: HTTPClientError.alreadyShutdown) {
                try await api.execute(request("http://127.0.0.1:1")) { try await $0.reply() }
            }
            #expect(hosts.breaker.totals.failed == 0)
        }

        @Test("the server is told how long the caller waits")
        func deadline() async throws {
            try await RawServer.with([response("200 OK")]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(
                        client, policies: try hosts.limited(.milliseconds(1_500)),
                        options: .init(deadlineField: .grpcTimeout))
                    _ = try await api.execute(request(url)) { try await $0.reply() }
                }
                #expect(server.requests.first?.range(of: "grpc-timeout: 1500000u\r\n") != nil)
            }
        }

        @Test("each authority has its policy, however it is written")
        func authorities() async throws {
            let policies = try hosts.retrying()
            try await withClient { client in
                let api = ResilientHTTPClient(client, policies: policies)
                for url in [
                    "http://127.0.0.1:1", "http://127.0.0.1:1/a/b?c", "HTTP://user:secret@127.0.0.1:1/@",
                    "http://127.0.0.1:1#x", "https://LOCALHOST:2", "https://localhost:2/", "gopher://localhost:443",
                    "gopher://[::1]", "gopher://[::1]:", "http://?", "nonsense", "https://127.0.0.1:443?x",
                    "http://127.0.0.1:80/",
                    "http://127.0.0.1",
                ] {
                    _ = try? await api.execute(request(url)) { try await $0.reply() }
                }
            }
            #expect(
                Set(policies.members.map(\.key)) == [
                    "127.0.0.1:1", "localhost:2", "localhost:443", "[::1]", "", "127.0.0.1",
                ])
        }

        @Test("a client that contradicts its policies warns once")
        func warnings() async throws {
            let policies = try PolicyFamily<String>("hosts", maxKeys: 10, clock: hosts.clock) {
                Timeout.layer("total", .seconds(30))
                Bulkhead.layer(.init(limit: .fixed(9)))
                Timeout.layer("attempt", .seconds(1))
            }
            let recorder = EventRecorder()
            try await withClient { client in
                var configuration = HTTPClient.Configuration()
                configuration.timeout.connect = .seconds(2)
                let api = ResilientHTTPClient(
                    client, policies: policies, configuration: configuration, observers: [recorder])
                for _ in 1...2 { _ = try? await api.execute(request("http://127.0.0.1:1")) { $0 } }
                #expect(
                    recorder.names == [
                        "http_client.bulkhead_exceeds_pool", "http_client.connect_timeout_exceeds_attempt",
                    ])
                #expect(recorder.events.map(\.severity) == [.warning, .warning])
                recorder.clear()
                configuration.timeout.connect = .milliseconds(999)
                configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 9
                let fitting = ResilientHTTPClient(
                    client, policies: policies, configuration: configuration, observers: [recorder])
                _ = try? await fitting.execute(request("http://127.0.0.1:1")) { $0 }
                #expect(recorder.names.isEmpty)
            }
        }

        @Test("a module's observers hear the warnings of its clients, each once")
        func moduleWarnings() async throws {
            let recorder = EventRecorder()
            let module = try ResilienceModule("shop", observers: [recorder])
            var configuration = HTTPClient.Configuration()
            configuration.timeout.connect = .milliseconds(50)
            let layers = HTTPPipeline.Configuration(
                totalLimit: .seconds(5), retry: nil, bulkhead: nil, attemptLimit: .milliseconds(50))
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            let one = try ResilientHTTPClient(
                client, name: "one", module: module, pipeline: layers, configuration: configuration)
            let endpoint = try HTTPEndpoint("http://127.0.0.1:1")
            let two = try HedgingHTTPClient(
                client, name: "two", module: module, pipeline: layers, endpoints: [endpoint],
                configuration: configuration)
            for _ in 1...2 {
                _ = try? await one.execute(HTTPClientRequest(url: endpoint.url)) { $0 }
                _ = try? await two.execute(HTTPClientRequest(url: "/")) { $0 }
            }
            try await client.shutdown()
            let warnings = recorder.events.filter { $0.name.hasPrefix("http_client.") }
            #expect(warnings.map(\.source) == ["one", "two"])
            #expect(warnings.map(\.name) == Array(repeating: "http_client.connect_timeout_exceeds_attempt", count: 2))
        }
    }
#endif
