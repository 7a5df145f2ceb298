#if AsyncHTTPClient
    import AsyncHTTPClient
    import HTTPSemantics
    import NIOCore
    import NIOHTTP1
    import Resilience
    import ResilienceCore
    import ResilienceTesting
    import Testing

    @testable import ResilienceAsyncHTTPClient

    @Suite("Responses of a client with policies")
    struct ResponseTests {
        private let hosts: Hosts
        init() throws { hosts = try Hosts() }

        @Test("a failed response is asked for again, and its connection is used for that")
        func repeated() async throws {
            let body = String(repeating: "x", count: 60_000)
            try await RawServer.with([
                response("503 Busy", body: body), response("500 Broken", body: body), response("200 OK", body: "7"),
            ]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let reply = try await api.execute(request(url)) { try await $0.reply() }
                    #expect(reply == Reply(200, "7"))
                }
                #expect(server.requests.count == 3)
                #expect(server.connections == 1)
            }
            #expect(hosts.breaker.totals.failed == 2)
            #expect(hosts.breaker.totals.succeeded == 1)
        }

        @Test("a body that is longer than the limit is dropped, and its connection with it", arguments: [true, false])
        func dropped(isLengthKnown: Bool) async throws {
            let body = String(repeating: "x", count: 70_000)
            let long =
                isLengthKnown
                ? response("503 Busy", body: body)
                : .answer("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n\(body)\r\n")
            try await RawServer.with([long, response("200 OK", body: "7")]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let reply = try await api.execute(request(url)) { try await $0.reply() }
                    #expect(reply == Reply(200, "7"))
                }
                #expect(server.connections == 2)
            }
        }

        @Test("a failed response that is the outcome in the end is read once, as any other")
        func returned() async throws {
            try await RawServer.with([response("503 Busy", ["X: 1"], body: "later")]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    var reads = 0
                    let reply = try await api.execute(request(url)) { response in
                        reads += 1
                        #expect(response.headers["x"] == ["1"])
                        return try await response.reply()
                    }
                    #expect(reply == Reply(503, "later"))
                    #expect(reads == 1)
                }
                #expect(server.requests.count == 3)
            }
            #expect(hosts.breaker.totals.failed == 3)
        }

        @Test("or is thrown, if asked for, with the response in it")
        func thrown() async throws {
            try await RawServer.with([response("429 Slow down", ["Retry-After: 0"], body: "later")]) { _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(
                        client, policies: try hosts.retrying(), options: .init(throwsFailures: true))
                    let failure = await #expect(throws: HTTPFailure.self) {
                        try await api.execute(request(url)) { try await $0.reply() }
                    }
                    #expect(failure?.status == 429)
                    let response = failure?.response as? HTTPClientResponse
                    let reply = try await response?.reply()
                    #expect(reply == Reply(429, "later"))
                }
            }
        }

        @Test("the end of a failed body that was not read is an error, and not an end")
        func truncated() async throws {
            let long = response("503 Busy", body: String(repeating: "x", count: 100))
            try await RawServer.with([long]) { _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(
                        client, policies: try hosts.retrying(), options: .init(drainLimit: 99))
                    await #expect(throws: TruncatedBodyError.self) {
                        try await api.execute(request(url)) { try await $0.reply() }
                    }
                    let status = try await api.execute(request(url)) { Int($0.status.code) }
                    #expect(status == 503)
                }
            }
        }

        @Test(
            "the server's Retry-After is the delay, in every form",
            arguments: [
                (["Retry-After: 2"], Duration.seconds(2)), (["Retry-After: 1.5"], .milliseconds(1_500)),
                (
                    ["Date: Sun, 06 Nov 1994 08:49:30 GMT", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"], .seconds(7)
                ),
                (
                    ["Date: Sun, 06 Nov 1994 08:49:30 GMT", "Retry-After: Sunday, 06-Nov-94 08:49:38 GMT"], .seconds(8)
                ),
                (["Date: Sun, 06 Nov 1994 08:49:30 GMT", "Retry-After: Sun Nov  6 08:49:39 1994"], .seconds(9)),
                (["Retry-After: soon"], .milliseconds(100)), ([], .milliseconds(100)),
                (["RateLimit: \"a\";r=0;t=3"], .seconds(3)),
            ])
        func retryAfter(fields: [String], delay: Duration) async throws {
            try await RawServer.with([response("503 Busy", fields), response("200 OK", body: "7")]) { _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(
                        client, policies: try hosts.retrying(.constant(.milliseconds(100))))
                    async let reply = api.execute(request(url)) { try await $0.reply() }
                    try await hosts.clock.waitForSleepers(1)
                    #expect(hosts.clock.nextDeadline.map { hosts.clock.now.duration(to: $0) } == delay)
                    hosts.clock.advanceToNextDeadline()
                    let result = try await reply
                    #expect(result == Reply(200, "7"))
                }
            }
        }

        @Test("a date without the server's own is counted from the time of day that the options give")
        func dateAlone() async throws {
            let date = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"
            try await RawServer.with([response("503 Busy", [date])]) { _, url in
                try await withClient { client in
                    for (now, delay) in [(Double?.none, Duration?.none), (784_111_770, .seconds(7))] {
                        var options = ResilientHTTPClient.Options(throwsFailures: true)
                        if let now { options.secondsSince1970 = { now } }
                        let policies = try PolicyFamily<String>("hosts", maxKeys: 1) { hosts.breaker }
                        let api = ResilientHTTPClient(client, policies: policies, options: options)
                        let failure = await #expect(throws: HTTPFailure.self) {
                            try await api.execute(request(url)) { _ in }
                        }
                        #expect(failure?.retryAfter == delay)
                    }
                }
            }
        }

        @Test(
            "an answer that refuses the request is no failure", arguments: ["404 Not Found", "409 Conflict", "501 No"])
        func answers(status: String) async throws {
            try await RawServer.with([response(status, body: "no")]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let reply = try await api.execute(request(url)) { try await $0.reply() }
                    #expect(reply.body == "no")
                }
                #expect(server.requests.count == 1)
            }
            #expect(hosts.breaker.totals.succeeded == 1)
        }

        @Test("what the reader throws of its own is not the service's failure")
        func reader() async throws {
            try await RawServer.with([response("200 OK", body: "7")]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    await #expect(throws: InjectedFailure.self) {
                        try await api.execute(request(url)) { _ in throw InjectedFailure() }
                    }
                    await #expect(throws: NIOTooManyBytesError.self) {
                        try await api.execute(request(url)) { try await $0.body.collect(upTo: 0) }
                    }
                }
                #expect(server.requests.count == 2)
            }
            #expect(hosts.breaker.totals.succeeded == 2)
        }

        @Test("a body that breaks off is a failure, and is asked for again")
        func half() async throws {
            let half = RawServer.Step.answerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
            try await RawServer.with([half, response("200 OK", body: "1234567890")]) { server, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let reply = try await api.execute(request(url)) { try await $0.reply() }
                    #expect(reply == Reply(200, "1234567890"))
                }
                #expect(server.requests.count == 2)
            }
            #expect(hosts.breaker.totals.failed == 1)
        }

        @Test("a limit of time bounds the body, too")
        func stalledBody() async throws {
            let stalled = RawServer.Step.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
            try await RawServer.with([stalled]) { _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.limited(.seconds(600)))
                    let begun = ScriptedOperation<Void>(clock: hosts.clock, [.success(())])
                    async let error = #expect(throws: Timeout.ExceededError.self) {
                        try await api.execute(request(url)) { response in
                            for try await _ in response.body { try await begun() }
                        }
                    }
                    try await begun.waitForCalls(1)
                    hosts.clock.advance(by: .seconds(600))
                    #expect(await error?.limit == .seconds(600))
                }
            }
            #expect(hosts.breaker.totals.failed == 1)
        }

        @Test("a late attempt is the timeout's, and never the client's own error")
        func stalledHead() async throws {
            try await RawServer.with([.answer("")]) { server, url in
                try await withClient { client in
                    // The client has a limit of its own then, in real time.
                    let api = ResilientHTTPClient(client, policies: try hosts.limited(.seconds(600)))
                    for number in 1...20 {
                        async let error = #expect(throws: Timeout.ExceededError.self) {
                            try await api.execute(request(url)) { try await $0.reply() }
                        }
                        try await server.waitForRequests(number)
                        hosts.clock.advance(by: .seconds(600))
                        #expect(await error?.limit == .seconds(600))
                    }
                }
            }
        }

        @Test("the client's own limit is a second later than the call's, and none for a call without")
        func ownLimit() async throws {
            let policy = try Policy("hosts", clock: hosts.clock) { Timeout.layer(.seconds(600)) }
            try await policy.execute { context in
                let least = NIODeadline.now() + .seconds(601)
                let deadline = RequestCall.deadline(context)
                #expect(least <= deadline && deadline <= .now() + .seconds(601))
            }
            try await Policy("hosts") { Retry.layer() }.execute { context in
                #expect(RequestCall.deadline(context) == .distantFuture)
            }
        }

        @Test("a request that its caller cancels is no failure")
        func cancelled() async throws {
            try await RawServer.with([.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")]) { _, url in
                try await withClient { client in
                    let api = ResilientHTTPClient(client, policies: try hosts.retrying())
                    let begun = ScriptedOperation<Void>(clock: hosts.clock, [.success(())])
                    let task = Task {
                        try await api.execute(request(url)) { response in
                            for try await _ in response.body { try await begun() }
                        }
                    }
                    try await begun.waitForCalls(1)
                    task.cancel()
                    await #expect(throws: CancellationError.self) { try await task.value }
                }
            }
            #expect(hosts.breaker.totals.cancelled == 1)
            #expect(hosts.breaker.totals.failed == 0)
        }
    }
#endif
