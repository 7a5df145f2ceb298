#if Hummingbird
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import NIOCore
    import Resilience
    import ResilienceTesting
    import Testing

    @testable import ResilienceHummingbird

    @Suite("Slots of requests", .timeLimit(.minutes(30)))
    struct SlotTests {
        private let clock = ManualClock()
        private let gate = Gate()
        private let finished = FinishedCalls()

        private func bulkhead(_ limit: Int = 1, queue: Bulkhead.Queue = .none) throws -> Bulkhead {
            try Bulkhead(
                "work", .init(limit: .fixed(limit), queue: queue), clock: clock, observers: [finished])
        }

        /// Writes one part, waits, and writes the rest.
        private func stream(_ parts: Int = 2, length: Int? = nil) -> Response {
            Response(
                status: .ok,
                body: ResponseBody(contentLength: length) { [gate] writer in
                    for _ in 0..<parts {
                        try await writer.write(ByteBuffer(string: "part"))
                        await gate.pass()
                    }
                    try await writer.finish(nil)
                })
        }

        @Test("what does not fit gets 503 before any work is done, and the next is served when a slot is free")
        func full() async throws {
            let bulkhead = try bulkhead()
            let router = Router(try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead)) { [gate] _, _ in
                await gate.pass()
                return Response(status: .ok)
            }
            try await application(router).test(.router) { client async throws in
                async let first = client.get()
                await gate.arrival()
                let refused = try await client.get()
                #expect(refused.status == .serviceUnavailable)
                #expect(refused.headers[.retryAfter] == "1")
                gate.open()
                #expect(try await first.status == .ok)
                #expect(bulkhead.inUse == 0)
                async let next = client.get()
                await gate.arrival()
                gate.open()
                #expect(try await next.status == .ok)
            }
        }

        @Test("the slot is held until the last part of a stream is written", arguments: [nil, 8])
        func streamed(length: Int?) async throws {
            let bulkhead = try bulkhead()
            let router = Router(try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead)) { _, _ in
                stream(length: length)
            }
            try await application(router).test(.router) { client async throws in
                async let response = client.get()
                for _ in 1...2 {
                    await gate.arrival()
                    #expect(bulkhead.inUse == 1)
                    #expect(try await client.get().status == .serviceUnavailable)
                    gate.open()
                }
                #expect(try await String(buffer: response.body) == "partpart")
                #expect(bulkhead.inUse == 0)
            }
        }

        @Test("a client that goes away gives its slot back, at the latest with the next part that is written")
        func clientGone() async throws {
            let bulkhead = try bulkhead()
            let router = Router(try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead)) { _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { [gate] writer in
                        // Until it fails.
                        while true {
                            try await writer.write(ByteBuffer(repeating: 0, count: 1 << 16))
                            await gate.pass()
                        }
                    })
            }
            try await application(router).test(.live) { client async throws in
                let port = try #require(client.port)
                try await TestClient.withClient(host: "127.0.0.1", port: port) { leaving async throws in
                    try await leaving.executeAndDontWaitForResponse(.init("/", method: .get, headers: [:]))
                    await gate.arrival()
                    #expect(bulkhead.inUse == 1)
                    try await leaving.close(mode: .all)
                }
                // How many parts the system takes before it notices is its own affair.
                let pump = Task {
                    while !Task.isCancelled {
                        gate.open()
                        await gate.arrival()
                    }
                }
                await finished.next()
                pump.cancel()
                gate.finish()
                #expect(bulkhead.inUse == 0)
            }
        }

        @Test("a response that is dropped, or never written, gives its slot back")
        func dropped() async throws {
            struct Replacing: RouterMiddleware {
                @concurrent
                func handle(
                    _ request: Request, context: BasicRequestContext,
                    next: @concurrent (Request, BasicRequestContext) async throws -> Response
                ) async throws -> Response {
                    _ = try await next(request, context)
                    return Response(status: .accepted)
                }
            }
            let bulkhead = try bulkhead()
            let router = Router<BasicRequestContext>()
            router.add(middleware: Replacing())
            router.add(middleware: try ResilienceMiddleware(bulkhead: bulkhead))
            router.get("/") { _, _ in stream() }
            try await application(router).test(.router) { client async throws in
                for _ in 1...3 { #expect(try await client.get().status == .accepted) }
                #expect(bulkhead.inUse == 0)
            }
        }

        @Test("a handler that throws gives its slot back, and its error passes unchanged")
        func thrown() async throws {
            let bulkhead = try bulkhead()
            let router = Router(try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead)) { _, _ in
                throw HTTPError(.notFound)
            }
            try await application(router).test(.router) { client async throws in
                for _ in 1...3 { #expect(try await client.get().status == .notFound) }
                #expect(bulkhead.inUse == 0 && bulkhead.totals.finished == 3)
            }
        }

        @Test("a request waits in the bulkhead's queue, and no longer than until its deadline")
        func queue() async throws {
            let bulkhead = try bulkhead(queue: .init(capacity: 5, maxWait: .seconds(60)))
            let options = ServerOptions(timeLimit: .seconds(2))
            let router = Router(
                try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead, options: options, clock: clock)
            ) { [gate] _, _ in
                await gate.pass()
                return Response(status: .ok)
            }
            let held = try bulkhead.tryAcquirePermit()
            try await application(router).test(.router) { client async throws in
                async let late = client.get()
                try await clock.waitForTimers(1)
                clock.advance(by: .seconds(2))
                #expect(try await late.status == .serviceUnavailable)
                #expect(bulkhead.waiting == 0)
            }
            held.release()
        }

        @Test("an answer of 503 or 504 shrinks an adaptive limit, others do not", arguments: [200, 404, 503, 504])
        func adaptive(status: Int) async throws {
            let bulkhead = try Bulkhead(
                "work", .init(limit: .adaptive(.aimd(initial: 50, minimum: 10))), clock: clock)
            let router = Router(try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead)) { _, _ in
                Response(
                    status: .init(code: status), body: ResponseBody(byteBuffer: ByteBuffer(string: "\(status)")))
            }
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get().status.code == status)
                #expect(bulkhead.limit == (status > 500 ? 45 : 50))
            }
        }
    }
#endif
