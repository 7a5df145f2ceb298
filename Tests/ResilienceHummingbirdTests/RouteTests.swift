#if Hummingbird
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import NIOCore
    import Resilience
    import ResilienceTesting
    import Testing

    @testable import ResilienceHummingbird

    @Suite("Routes of a module", .timeLimit(.minutes(30)))
    struct RouteTests {
        private let clock = ManualClock()

        private func module(_ observers: [any PolicyObserver] = []) throws -> ResilienceModule {
            try ResilienceModule("shop", clock: clock, observers: observers) {
                Registration("payments") { CircuitBreaker.layer() }
                Registration("stock") { CircuitBreaker.layer() }.critical()
            }
        }

        @Test("/metrics is a page of the module and of the middleware, in the format that is asked for")
        func metrics() async throws {
            let bulkhead = try Bulkhead("work", limit: 3)
            let middleware = try ResilienceMiddleware<BasicRequestContext>("edge", bulkhead: bulkhead)
            let router = Router(middleware)
            router.group("ops").addResilienceRoutes(for: try module(), metrics: [middleware])
            try await application(router).test(.router) { client async throws in
                let page = try await client.get("/ops/metrics")
                let text = String(buffer: page.body)
                #expect(page.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
                #expect(text.contains(#"resilience_module_health{name="shop",status="healthy"} 1"#))
                #expect(text.contains(#"resilience_bulkhead_max_allowed_concurrent_calls{name="work"} 3"#))
                #expect(text.contains(#"resilience_http_unreadable_fields_total{name="edge",field="deadline"} 0"#))
                let open = try await client.get("/ops/metrics", [.accept: "application/openmetrics-text"])
                #expect(open.headers[.contentType]?.hasPrefix("application/openmetrics-text") == true)
                #expect(String(buffer: open.body).hasSuffix("# EOF\n"))
            }
        }

        @Test("/health tells the reasons, and is 503 while something critical does not work")
        func health() async throws {
            let module = try module()
            let router = Router<BasicRequestContext>()
            router.addResilienceRoutes(for: module)
            try await application(router).test(.router) { client async throws in
                let healthy = try await client.get("/health")
                #expect(healthy.status == .ok)
                #expect(String(buffer: healthy.body) == #"{"reasons": [], "status": "healthy"}"#)
                try module.circuitBreaker("payments").open()
                let degraded = try await client.get("/health")
                #expect(degraded.status == .ok)
                let reason =
                    #"{"complaint": "is open", "isCritical": false, "subject": "circuit breaker \"payments\""}"#
                #expect(String(buffer: degraded.body) == #"{"reasons": [\#(reason)], "status": "degraded"}"#)
                try module.circuitBreaker("stock").open()
                #expect(try await client.get("/health").status == .serviceUnavailable)
                // Without a feed there is no such route.
                #expect(try await client.get("/events").status == .notFound)
            }
        }

        /// A writer that keeps what was written, and tells of it.
        private struct Recorder: ResponseBodyWriter {
            let parts: AsyncStream<String>.Continuation

            mutating func write(_ buffer: ByteBuffer) async throws { parts.yield(String(buffer: buffer)) }

            consuming func finish(_ trailingHeaders: HTTPFields?) async throws { parts.finish() }
        }

        @Test("/events tells of changes as they happen, of calls only if asked for, and beats while nothing happens")
        func events() async throws {
            let feed = try EventFeed(heartbeat: .seconds(10), clock: clock)
            let module = try module([feed])
            let response = try feed.response()
            #expect(response.headers[.contentType] == "text/event-stream")
            #expect(feed.subscriberCount == 1)
            let (stream, parts) = AsyncStream.makeStream(of: String.self)
            let writing = Task { try await response.body.write(Recorder(parts: parts)) }
            var written = stream.makeAsyncIterator()
            #expect(await written.next() == ":\n\n")
            try await module.execute("payments") {}
            try module.circuitBreaker("payments").isolate()
            let event = try #require(await written.next())
            #expect(event.hasPrefix("event: circuit_breaker.transition\ndata: {"))
            #expect(event.contains(#""source": "payments""#) && event.contains(#""to": "isolated""#))
            #expect(event.hasSuffix("}\n\n"))
            try await clock.waitForSleepers(1)
            clock.advance(by: .seconds(10))
            #expect(await written.next() == ":\n\n")
            writing.cancel()
            _ = await writing.result
            #expect(feed.subscriberCount == 0)
        }

        @Test("a client that reads slowly misses the oldest events, and is told how many")
        func slowClient() async throws {
            let feed = try EventFeed(capacity: 3, clock: clock)
            let subscriber = try #require(feed.subscribe())
            for number in 1...10 { feed.observe(Change(number: number)) }
            #expect(subscriber.takeDropped() == 7)
            feed.remove(subscriber)
            var frames: [String] = []
            for await frame in subscriber.frames { frames.append(String(buffer: frame)) }
            #expect(frames.count == 3 && frames[0].contains("change 8"))
        }

        @Test("there are no more clients than allowed, and one that leaves without reading makes room")
        func fullHouse() async throws {
            let feed = try EventFeed(maxSubscribers: 1, clock: clock)
            do {
                let response = try feed.response()
                let error = #expect(throws: HTTPError.self) { () throws in _ = try feed.response() }
                #expect(error?.status == .serviceUnavailable)
                #expect(feed.subscriberCount == 1)
                _ = response
            }
            #expect(feed.subscriberCount == 0)
        }

        @Test("a name of the user's own event cannot break the stream")
        func hostileName() {
            let frame = eventFrame(of: Change(number: 1, name: "a\nb\r\ndata: x"))
            #expect(frame.hasPrefix("event: a b data: x\ndata: {"))
            #expect(frame.split(separator: "\n").count == 2)
        }

        @Test("options that cannot work are refused with every fault")
        func faults() {
            let error = #expect(throws: ConfigurationError.self) { () throws in
                _ = try EventFeed(maxSubscribers: 0, capacity: 0, heartbeat: .zero)
            }
            #expect(
                error?.faults.map(\.field) == ["maxSubscribers", "capacity", "heartbeat"].map { "eventFeed.\($0)" })
        }

        private struct Change: PolicyEvent {
            let number: Int
            var name = "test.change"
            var source: String { "test" }
            var severity: EventSeverity { .info }
            var description: String { "change \(number)" }
        }
    }
#endif
