#if Hummingbird
    import HTTPTypes
    import Hummingbird
    import HummingbirdTesting
    import Resilience
    import ResilienceHummingbird
    import ResilienceTesting
    import Testing

    @Suite("Guides/Servers.md", .timeLimit(.minutes(30)))
    struct ServersExamples {
        private let router = Router()

        @Test("limits, and a bound on what runs at once")
        func threeLines() async throws {
            let perTenant = try KeyedRateLimiter<String>("tenants", .tokenBucket(100, per: .seconds(1)))
            let work = try Bulkhead("work", limit: 64)
            router.add(
                middleware: try ResilienceMiddleware(limiter: perTenant, bulkhead: work) { request, _ in
                    request.headers[.authorization] ?? "nobody"
                })
            router.get("/") { _, _ in "hello" }
            try await Application(router: router).test(.router) { client in
                try await client.execute(uri: "/", method: .get) { response in
                    #expect(response.status == .ok)
                    #expect(response.headers[.init("RateLimit-Policy")!] == "\"tenants\";q=100;w=1")
                }
            }
        }

        @Test("deadlines and priorities of clients")
        func options() async throws {
            let work = try Bulkhead(
                "work",
                .init(
                    limit: .adaptive(.gradient2(minimum: 8)),
                    queue: .init(capacity: 100, maxWait: .milliseconds(200))))
            let options = ServerOptions(
                deadlines: [.grpcTimeout, try HTTPDeadlineField("x-timeout-ms", .milliseconds)],
                priority: .standard,
                timeLimit: .seconds(10))
            router.add(middleware: try ResilienceMiddleware(bulkhead: work, options: options))
            let payments = try Policy("payments") { Bulkhead.layer(limit: 3) }
            router.get("/") { _, _ in
                let urgent = payments.setting(Bulkhead.Priority.self, to: RequestPriority.current ?? .normal)
                return try await urgent.execute { context in "\(context[Bulkhead.Priority.self]?.rawValue ?? 0)" }
            }
            try await Application(router: router).test(.router) { client in
                let fields: HTTPFields = [.init("priority")!: "u=1"]
                try await client.execute(uri: "/", method: .get, headers: fields) { response in
                    #expect(String(buffer: response.body) == "100")
                }
                try await client.execute(uri: "/", method: .get, headers: [.init("x-timeout-ms")!: "0"]) { response in
                    #expect(response.status == .gatewayTimeout)
                }
            }
        }

        @Test("a breaker for handlers")
        func breaker() async throws {
            let reports = router.group("reports")
            reports.add(
                middleware: try ResilienceMiddleware(
                    breaker: CircuitBreaker("reports", .init(trip: .failureRate(0.5, minimumCalls: 20)))))
            reports.get("/") { _, _ in HTTPResponse.Status.internalServerError }
            try await Application(router: router).test(.router) { client in
                for _ in 1...20 {
                    try await client.execute(uri: "/reports", method: .get) { response in
                        #expect(response.status == .internalServerError)
                    }
                }
                try await client.execute(uri: "/reports", method: .get) { response in
                    #expect(response.status == .serviceUnavailable && response.headers[.retryAfter] != nil)
                }
            }
        }

        @Test("routes")
        func routes() async throws {
            let work = try Bulkhead("work", limit: 64)
            let feed = try EventFeed()
            let resilience = try ResilienceModule("shop", observers: [feed]) {
                Registration("payments") { CircuitBreaker.layer() }
            }
            let edge = try ResilienceMiddleware<BasicRequestContext>("edge", bulkhead: work)
            router.group("ops").addResilienceRoutes(for: resilience, metrics: [edge], events: feed)
            router.add(middleware: edge)
            try await Application(router: router).test(.router) { client in
                for path in ["/ops/metrics", "/ops/health"] {
                    try await client.execute(uri: path, method: .get) { #expect($0.status == .ok) }
                }
            }
        }

        @Test("in tests")
        func tests() async throws {
            let clock = ManualClock()
            let limiter = try RateLimiter("all", .fixedWindow(1, per: .seconds(60)), clock: clock)
            let router = Router()
            router.add(middleware: try ResilienceMiddleware(limiter: limiter, clock: clock))
            router.get("/") { _, _ in "hello" }
            try await Application(router: router).test(.router) { client in
                try await client.execute(uri: "/", method: .get) { #expect($0.status == .ok) }
                try await client.execute(uri: "/", method: .get) { #expect($0.headers[.retryAfter] == "60") }
            }
        }
    }
#endif
