#if GRPC
    import GRPCCore
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import Testing

    @Suite("Over HTTP/2 on the loopback interface")
    struct RemoteTests {
        private let clock = ManualClock()

        @Test("a call and a stream go through policies on both sides")
        func roundTrip() async throws {
            let bulkhead = try Bulkhead("work", .init(limit: .fixed(4)), clock: clock)
            let limiter = try KeyedRateLimiter<String>(
                "clients", .init(rule: .tokenBucket(2, per: .seconds(2), burst: 2)), clock: clock)
            let service = StockService(
                get: { _, _ in "7" },
                watch: { writer in for count in ["7", "6", "5"] { try await writer.write(count) } })
            let breaker = try CircuitBreaker("inventory", .init(handles: .failedRPC), clock: clock)
            let interceptor = ResilienceInterceptor(limiter: limiter, bulkhead: bulkhead)
            try await withRemoteStock(
                service, interceptors: [interceptor], through: Policy("inventory", clock: clock) { breaker }
            ) { stock in
                let retrying = try Policy("inventory") { Timeout.layer(.seconds(60)) }
                let count = try await retrying.execute { context in
                    let call = context.rpc()
                    return try await stock.get("shoes", metadata: call.metadata, options: call.options)
                }
                #expect(count == "7")
                let counts = try await stock.watch("shoes") { response in
                    try await response.messages.reduce(into: []) { $0.append($1) }
                }
                #expect(counts == ["7", "6", "5"])
                let error = await #expect(throws: RPCError.self) { try await stock.get("shoes") }
                #expect(error?.code == .resourceExhausted)
                #expect(error?.serverHint == .retryAfter(.seconds(1)))
            }
            #expect(service.seen.first?.text("grpc-timeout") != nil)
            #expect(breaker.totals.succeeded == 2)
            #expect(breaker.totals.failed == 1)
            #expect(bulkhead.inUse == 0)
        }

        @Test("a server that is down opens the breaker, by connections alone")
        func down() async throws {
            let breaker = try CircuitBreaker(
                "inventory", .init(trip: .consecutiveFailures(2), handles: .failedRPC), clock: clock)
            // Nothing listens on port 1.
            try await withStockClient(port: 1, through: Policy("inventory", clock: clock) { breaker }) { stock in
                for _ in 1...2 {
                    let error = await #expect(throws: RPCError.self) { try await stock.get("shoes") }
                    #expect(error?.code == .unavailable)
                    #expect(error?.cause is UnsentCallError)
                }
                await #expect(throws: CircuitBreaker.OpenError.self) { try await stock.get("shoes") }
            }
        }

        @Test("a method is cancelled when its client has gone")
        func gone() async throws {
            let hanging = gate()
            let service = StockService { _, _ in
                try await hanging()
                return "7"
            }
            let bulkhead = try Bulkhead("work", .init(limit: .fixed(4)), clock: clock)
            try await withRemoteStock(
                service, interceptors: [ResilienceInterceptor(bulkhead: bulkhead)],
                through: Policy("inventory", clock: clock) { CircuitBreaker.layer() }
            ) { stock in
                let call = Task { try await stock.get("shoes") }
                try await hanging.waitForCalls(1)
                call.cancel()
                await #expect(throws: (any Error).self) { try await call.value }
            }
            #expect(hanging.cancelled == 1)
            #expect(bulkhead.inUse == 0)
        }
    }
#endif
