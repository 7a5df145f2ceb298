#if Hummingbird
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import Resilience
    import ResilienceTesting
    import ResilienceCore
    import Testing

    @testable import ResilienceHummingbird

    @Suite("Answers to what went wrong", .timeLimit(.minutes(30)))
    struct AnswerTests {
        private let clock = ManualClock()

        @Test("a handler that is not done in time is cancelled, and answered with 504")
        func timeLimit() async throws {
            let options = ServerOptions(timeLimit: .seconds(2))
            let router = Router(
                try ResilienceMiddleware<BasicRequestContext>(options: options, clock: clock)
            ) { [clock] _, _ in
                try await clock.sleep(for: .seconds(60))
                return Response(status: .ok)
            }
            try await application(router).test(.router) { client async throws in
                async let response = client.get()
                try await clock.waitForSleepers(1)
                clock.advance(by: .seconds(2))
                let late = try await response
                #expect(late.status == .gatewayTimeout && late.headers[.retryAfter] == nil)
            }
        }

        @Test("what a handler calls knows the deadline of the request")
        func deadlineTravels() async throws {
            let inner = try Policy("inner", clock: clock) { Timeout.layer(.remaining) }
            let router = Router(
                try ResilienceMiddleware<BasicRequestContext>(
                    options: .init(timeLimit: .seconds(2)), clock: clock)
            ) { _, _ in
                let left = try await inner.execute { context in context.remaining }
                return Response(status: .ok, headers: [.tenant: "\(left ?? .zero)"])
            }
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get().headers[.tenant] == "2.0 seconds")
            }
        }

        @Test("a breaker counts answers from 500 on and what is thrown, and refuses with 503 when it is open")
        func breaker() async throws {
            let breaker = try CircuitBreaker(
                "handlers",
                .init(trip: .consecutiveFailures(2), breakLength: .fixed(.milliseconds(4200))),
                clock: clock)
            let status = Lock(200)
            let router = Router(
                try ResilienceMiddleware<BasicRequestContext>(breaker: breaker, clock: clock)
            ) { _, _ in
                let code = status.withLock { $0 }
                if code == 599 { throw InjectedFailure() }
                if code >= 400 && code % 2 == 1 { throw HTTPError(.init(code: code)) }
                return Response(status: .init(code: code))
            }
            try await application(router).test(.router) { client async throws in
                for code in [500, 404, 503, 429, 500, 401] {
                    status.withLock { $0 = code }
                    #expect(try await client.get().status.code == code)
                    #expect(breaker.state == .closed)
                }
                for code in [503, 599] {
                    status.withLock { $0 = code }
                    _ = try await client.get()
                }
                let refused = try await client.get()
                #expect(refused.status == .serviceUnavailable && refused.headers[.retryAfter] == "5")
                clock.advance(by: .milliseconds(4200))
                status.withLock { $0 = 200 }
                #expect(try await client.get().status == .ok)
            }
        }

        @Test("what policies of the handler refuse is 503, also in wrappers, and never 429: the client did nothing")
        func upstreamRejections() async throws {
            let open = try CircuitBreaker("upstream", .init(breakLength: .fixed(.seconds(30))), clock: clock)
            open.open()
            let limiter = try RateLimiter("upstream", .fixedWindow(1, per: .seconds(7)), clock: clock)
            #expect(limiter.tryAcquire())
            struct Wrapper: ErrorWrapper { let wrappedError: any Error }
            let router = Router<BasicRequestContext>()
            router.add(middleware: try ResilienceMiddleware(clock: clock))
            router.get("/breaker") { _, _ in try await open.execute { HTTPResponse.Status.ok } }
            router.get("/limiter") { _, _ in try await limiter.execute { HTTPResponse.Status.ok } }
            router.get("/wrapped") { _, _ -> HTTPResponse.Status in
                do {
                    return try await open.execute { .ok }
                } catch {
                    throw Wrapper(wrappedError: error)
                }
            }
            router.get("/late") { _, _ -> HTTPResponse.Status in
                throw Timeout.NoTimeLeftError(policyName: "upstream")
            }
            try await application(router).test(.router) { client async throws in
                for (path, code, seconds) in [
                    ("/breaker", 503, "30"), ("/limiter", 503, "7"), ("/wrapped", 503, "30"), ("/late", 504, nil),
                ] {
                    let response = try await client.get(path)
                    #expect(response.status.code == code, "\(path)")
                    #expect(response.headers[.retryAfter] == seconds, "\(path)")
                }
            }
        }

        @Test("any other error passes unchanged")
        func others() async throws {
            let router = Router<BasicRequestContext>()
            router.add(middleware: try ResilienceMiddleware())
            router.get("/teapot") { _, _ -> HTTPResponse.Status in throw HTTPError(.init(code: 418)) }
            router.get("/broken") { _, _ -> HTTPResponse.Status in throw InjectedFailure() }
            router.get("/cancelled") { _, _ -> HTTPResponse.Status in throw CancellationError() }
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get("/teapot").status.code == 418)
                #expect(try await client.get("/broken").status == .internalServerError)
                #expect(try await client.get("/cancelled").status == .internalServerError)
            }
        }

        @Test("middleware around it sees what refused the request")
        func visible() async throws {
            let bulkhead = try Bulkhead("work", limit: 0)
            let middleware = try ResilienceMiddleware<BasicRequestContext>(bulkhead: bulkhead)
            let error = await #expect(throws: RequestRejection.self) {
                _ = try await middleware.guards.takeSlot(middleware.guards.arrival(of: [:]), [:])
            }
            #expect(error?.wrappedError is Bulkhead.RejectedError)
            #expect(error?.description == #"503: bulkhead "work" lets no calls through"#)
            #expect(error?.headers[.retryAfter] == nil)
        }

        @Test("a rejection has a problem as its body, if that is asked for")
        func problems() async throws {
            let limiter = try RateLimiter(#"a "b""#, .fixedWindow(1, per: .seconds(9)), clock: clock)
            let options = ServerOptions(usesProblemDetails: true)
            let router = Router<BasicRequestContext>()
            router.add(middleware: try ResilienceMiddleware(limiter: limiter, options: options, clock: clock))
            router.get("/") { _, _ in HTTPResponse.Status.ok }
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get().status == .ok)
                let refused = try await client.get()
                #expect(refused.headers[.contentType] == "application/problem+json")
                #expect(
                    String(buffer: refused.body)
                        == #"{"status": 429, "title": "The limit of requests is reached.", "#
                        + #""type": "https://iana.org/assignments/http-problem-types#quota-exceeded", "#
                        + #""violated-policies": ["a \"b\""]}"#)
            }
        }

        @Test("options that cannot work are refused with every fault")
        func faults() {
            let error = #expect(throws: ConfigurationError.self) { () throws in
                _ = try ResilienceMiddleware<BasicRequestContext>(options: .init(timeLimit: .zero))
            }
            #expect(error?.description == "server.timeLimit: 0.0 seconds is outside 1 ns...292 years")
        }
    }
#endif
