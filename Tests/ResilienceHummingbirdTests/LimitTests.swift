#if Hummingbird
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import Resilience
    import ResilienceTesting
    import Testing

    @testable import ResilienceHummingbird

    @Suite("Limits of clients", .timeLimit(.minutes(30)))
    struct LimitTests {
        private let clock = ManualClock()

        private func limiter(maxKeys: Int = 100, refuses: Bool = false) throws -> KeyedRateLimiter<String> {
            try KeyedRateLimiter(
                "tenants",
                .init(
                    rule: .tokenBucket(1, per: .seconds(10), burst: 2), maxKeys: maxKeys,
                    whenFull: refuses ? .refusesNewKeys : .forgetsLeastUsed), clock: clock)
        }

        private func middleware(
            _ limiter: KeyedRateLimiter<String>, _ options: ServerOptions = .init()
        ) throws -> ResilienceMiddleware<BasicRequestContext> {
            try ResilienceMiddleware(limiter: limiter, options: options, clock: clock) { request, _ in
                request.headers[.tenant]
            }
        }

        @Test("a client that has used up a limit gets 429 and is told when to come back; others are served")
        func tooMany() async throws {
            let router = try Router(middleware(limiter()))
            try await application(router).test(.router) { client async throws in
                for left in [1, 0] {
                    let response = try await client.get("/", tenant("acme"))
                    #expect(response.status == .ok)
                    let wait = left == 0 ? ";t=10" : ""
                    #expect(response.headers[.rateLimit] == "\"tenants\";r=\(left)\(wait)")
                    #expect(response.headers[.rateLimitPolicy] == "\"tenants\";q=1;w=10")
                    #expect(response.headers[.retryAfter] == nil)
                }
                clock.advance(by: .milliseconds(500))
                let refused = try await client.get("/", tenant("acme"))
                #expect(refused.status == .tooManyRequests)
                #expect(refused.headers[.retryAfter] == "10")
                #expect(refused.headers[.rateLimit] == "\"tenants\";r=0;t=10")
                #expect(refused.headers[.rateLimitPolicy] == "\"tenants\";q=1;w=10")
                #expect(try await client.get("/", tenant("umbrella")).status == .ok)
                clock.advance(by: .milliseconds(9500))
                #expect(try await client.get("/", tenant("acme")).status == .ok)
            }
        }

        @Test("a request without a key has no limit, and is told of none")
        func noKey() async throws {
            let router = try Router(middleware(limiter()))
            try await application(router).test(.router) { client async throws in
                for _ in 1...5 {
                    let response = try await client.get()
                    #expect(response.status == .ok && response.headers[.rateLimit] == nil)
                }
            }
        }

        @Test("what clients are told of their limit is an option", arguments: ServerOptions.RateLimitFields.allCases)
        func fields(_ option: ServerOptions.RateLimitFields) async throws {
            let router = try Router(middleware(limiter(), .init(rateLimitFields: option)))
            try await application(router).test(.router) { client async throws in
                let served = try await client.get("/", tenant("acme"))
                #expect((served.headers[.rateLimit] != nil) == (option == .always))
                _ = try await client.get("/", tenant("acme"))
                let refused = try await client.get("/", tenant("acme"))
                #expect(refused.status == .tooManyRequests && refused.headers[.retryAfter] == "10")
                #expect((refused.headers[.rateLimit] != nil) == (option != .never))
            }
        }

        @Test("one limit for all clients")
        func shared() async throws {
            let limiter = try RateLimiter("all", .fixedWindow(1, per: .seconds(60)), clock: clock)
            let router = Router(try ResilienceMiddleware<BasicRequestContext>(limiter: limiter, clock: clock))
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get("/", tenant("a")).headers[.rateLimit] == "\"all\";r=0;t=60")
                #expect(try await client.get("/", tenant("b")).status == .tooManyRequests)
            }
        }

        @Test("several limits are several members of the fields")
        func several() async throws {
            let all = try RateLimiter("all", .fixedWindow(100, per: .seconds(60)), clock: clock)
            let router = Router<BasicRequestContext>()
            router.add(middleware: try ResilienceMiddleware(limiter: all, clock: clock))
            router.add(middleware: try middleware(limiter()))
            router.get("/") { _, _ in HTTPResponse.Status.ok }
            try await application(router).test(.router) { client async throws in
                let response = try await client.get("/", tenant("acme"))
                #expect(response.headers[values: .rateLimit] == ["\"tenants\";r=1", "\"all\";r=99"])
            }
        }

        @Test("where there is no place for a key, the server is to blame: 503")
        func noPlace() async throws {
            let router = try Router(middleware(limiter(maxKeys: 1, refuses: true)))
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get("/", tenant("a")).status == .ok)
                let refused = try await client.get("/", tenant("b"))
                #expect(refused.status == .serviceUnavailable && refused.headers[.retryAfter] == nil)
            }
        }

        @Test("a hostile client makes up neither many keys nor long ones")
        func hostile() async throws {
            let limiter = try limiter(maxKeys: 10)
            let router = try Router(middleware(limiter))
            try await application(router).test(.router) { client async throws in
                for number in 1...100 {
                    _ = try await client.get("/", tenant("\(number)" + String(repeating: "x", count: 5000)))
                }
            }
            #expect(limiter.count <= 10)
        }

        @Test(
            "a long key is replaced by a short one of its own",
            arguments: ["x", "é", "👨‍👩‍👧‍👦", "e\u{301}\u{301}\u{301}"])
        func boundedKeys(_ part: String) {
            let long = String(repeating: part, count: 4000)
            #expect(boundedKey(long).utf8.count <= 128)
            #expect(boundedKey(long) == boundedKey(long))
            #expect(boundedKey(long) != boundedKey(long + "y"))
            let short = String(repeating: "k", count: 128)
            #expect(boundedKey(short) == short)
        }

        @Test("a limiter that waits keeps the request, as long as its deadline allows")
        func waiting() async throws {
            // Of its own, so that its timers are known apart from those of deadlines.
            let limits = ManualClock()
            let limiter = try RateLimiter(
                "all", .tokenBucket(1, per: .seconds(1)), maxWait: .seconds(5), clock: limits)
            let router = Router(
                try ResilienceMiddleware<BasicRequestContext>(
                    limiter: limiter, options: .init(timeLimit: .milliseconds(1500)), clock: clock))
            try await application(router).test(.router) { client async throws in
                #expect(try await client.get().status == .ok)
                async let waiting = client.get()
                try await limits.waitForTimers(1)
                // Its permit would come after the deadline.
                #expect(try await client.get().status == .tooManyRequests)
                limits.advance(by: .seconds(1))
                #expect(try await waiting.status == .ok)
            }
        }

        @Test("names that structured fields cannot hold are written so that they parse")
        func names() throws {
            let limiter = try RateLimiter("a\"b\\c é\n", .pacing(1, per: .milliseconds(1)), clock: clock)
            let fields = HTTPFields(LimitShare.shared(limiter))
            #expect(fields[.rateLimit] == #""a\"b\\c ";r=1"#)
            #expect(fields[.rateLimitPolicy] == #""a\"b\\c ";q=1;w=1"#)
        }
    }
#endif
