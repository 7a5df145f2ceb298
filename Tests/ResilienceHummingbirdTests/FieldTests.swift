#if Hummingbird
    import HTTPSemantics
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import Resilience
    import ResilienceTesting
    import Testing

    @testable import ResilienceHummingbird

    @Suite("What requests say about themselves", .timeLimit(.minutes(30)))
    struct FieldTests {
        private let clock = ManualClock()

        private func middleware(
            _ options: ServerOptions, bulkhead: Bulkhead? = nil
        ) throws -> ResilienceMiddleware<BasicRequestContext> {
            try ResilienceMiddleware("shop", bulkhead: bulkhead, options: options, clock: clock)
        }

        @Test(
            "a client's deadline bounds the handler, and is never longer than the server's limit",
            arguments: [
                ("1500m", "1.5 seconds"), ("1H", "60.0 seconds"), ("nonsense", "60.0 seconds"), ("", "60.0 seconds"),
                ("-1S", "60.0 seconds"), ("123456789S", "60.0 seconds"),
            ])
        func deadline(_ value: String, _ left: String) async throws {
            let inner = try Policy("inner", clock: clock) { Timeout.layer(.remaining) }
            let middleware = try middleware(.init(deadlines: [.grpcTimeout], timeLimit: .seconds(60)))
            let router = Router(middleware) { _, _ in
                let left = try await inner.execute { context in context.remaining }
                return Response(status: .ok, headers: [.tenant: "\(left ?? .zero)"])
            }
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get("/", [.init("grpc-timeout")!: value]).headers[.tenant] == left)
            }
            #expect(middleware.guards.unreadable.total(.deadline) == (left == "60.0 seconds" && value != "1H" ? 1 : 0))
        }

        @Test("a request that comes after its deadline is refused without any work", arguments: ["0S", "0n"])
        func late(_ value: String) async throws {
            let router = Router(try middleware(.init(deadlines: [.grpcTimeout]))) { _, _ in
                Issue.record("worked on")
                return Response(status: .ok)
            }
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get("/", [.init("grpc-timeout")!: value]).status == .gatewayTimeout)
            }
        }

        @Test("of several fields the shortest time holds, under the names that the user chose")
        func several() throws {
            let fields = [try HTTPDeadlineField("x-wait", .milliseconds), .grpcTimeout]
            let guards = try middleware(.init(deadlines: fields)).guards
            let arrival = guards.arrival(of: [.init("X-Wait")!: "700", .init("grpc-timeout")!: "2S"])
            #expect(arrival.context.remaining == .milliseconds(700) && arrival.isBoundByClient)
            #expect(guards.arrival(of: [:]).context.deadline == nil)
        }

        @Test("the writing of a body ends at the client's deadline, and not at the server's limit")
        func body() async throws {
            let bulkhead = try Bulkhead("work", limit: 5)
            let gate = Gate()
            let router = Router(
                try middleware(.init(deadlines: [.grpcTimeout], timeLimit: .seconds(3)), bulkhead: bulkhead)
            ) { [clock] _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        try await writer.write(ByteBuffer(string: "begin "))
                        try await clock.sleep(for: .seconds(60))
                        await gate.pass()
                        try await writer.write(ByteBuffer(string: "end"))
                        try await writer.finish(nil)
                    })
            }
            try await application(router).test(.router) { client async throws in
                // No field: the body may take as long as it does.
                async let patient = client.get()
                try await clock.waitForSleepers(1)
                clock.advance(by: .seconds(60))
                await gate.arrival()
                gate.open()
                #expect(try await String(buffer: patient.body) == "begin end")

                async let hurried = client.get("/", [.init("grpc-timeout")!: "2S"])
                try await clock.waitForSleepers(1)
                clock.advance(by: .seconds(2))
                _ = try? await hurried
                #expect(bulkhead.inUse == 0)
            }
        }

        @Test("the priority decides which request is served first, and what the handler calls may know it")
        func priority() async throws {
            let recorder = EventRecorder()
            let bulkhead = try Bulkhead(
                "work", .init(limit: .fixed(0), queue: .init(capacity: 10, maxWait: nil)), clock: clock,
                observers: [recorder])
            let served = AsyncStream.makeStream(of: Int?.self)
            let options = ServerOptions(priority: .standard)
            let router = Router(try middleware(options, bulkhead: bulkhead)) { _, _ in
                served.continuation.yield(RequestPriority.current?.rawValue)
                return Response(status: .ok)
            }
            try await application(router).test(.router) { client async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (number, value) in ["u=5", nil, "u=1", "u=9"].enumerated() {
                        let fields: HTTPFields = value.map { [.init("priority")!: $0] } ?? [:]
                        group.addTask {
                            let response = try await client.get("/", fields)
                            #expect(response.status == .ok)
                        }
                        // Each event is one that has begun to wait: there is no slot yet.
                        try await recorder.waitForEvents(number + 1)
                        #expect(bulkhead.waiting == number + 1)
                    }
                    try bulkhead.resize(to: 1)
                    try await group.waitForAll()
                }
            }
            served.continuation.finish()
            // What cannot be read is as if it were not there.
            #expect(await served.stream.reduce(into: []) { $0.append($1) } == [100, nil, nil, -100])
        }

        @Test("a field's name that is no token is a ConfigurationError", arguments: ["", "a b", "a:b", "é", "x\r\ny"])
        func names(_ name: String) {
            #expect(throws: ConfigurationError.self) { () throws in _ = try HTTPDeadlineField(name, .seconds) }
            #expect(throws: ConfigurationError.self) { () throws in _ = try HTTPPriorityField(name, .number) }
        }
    }
#endif
