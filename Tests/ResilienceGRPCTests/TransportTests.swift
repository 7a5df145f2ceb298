#if GRPC
    import GRPCCore
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import Testing

    @Suite("A transport with a policy")
    struct TransportTests {
        private let clock = ManualClock()

        private func policy(_ breaker: CircuitBreaker) throws -> Policy {
            try Policy("inventory", clock: clock) { breaker }
        }

        private func breaker(after failures: Int) throws -> CircuitBreaker {
            try CircuitBreaker(
                "inventory", .init(trip: .consecutiveFailures(failures), handles: .failedRPC), clock: clock)
        }

        @Test("a breaker counts statuses, which the caller gets all the same, and then refuses calls unsent")
        func statuses() async throws {
            let breaker = try breaker(after: 2)
            let service = StockService { _, _ in throw RPCError(code: .unavailable, message: "down") }
            try await withStock(service, through: policy(breaker)) { stock in
                for _ in 1...2 {
                    let error = await #expect(throws: RPCError.self) { try await stock.get("shoes") }
                    #expect(error?.message == "down")
                }
                let rejection = await #expect(throws: CircuitBreaker.OpenError.self) { try await stock.get("shoes") }
                #expect((rejection?.lastFailure as? RPCError)?.message == "down")
            }
            #expect(service.seen.count == 2)
            #expect(breaker.totals.failed == 2)
            #expect(breaker.totals.rejected == 1)
        }

        @Test("answers that refuse a call are no failures of the service")
        func answers() async throws {
            let breaker = try breaker(after: 1)
            let service = StockService { _, _ in throw RPCError(code: .notFound, message: "") }
            try await withStock(service, through: policy(breaker)) { stock in
                for _ in 1...3 { await #expect(throws: RPCError.self) { try await stock.get("shoes") } }
            }
            #expect(breaker.totals.succeeded == 3)
        }

        @Test("a stream that fails after some messages is a failure, and its caller gets the messages")
        func brokenStream() async throws {
            let breaker = try breaker(after: 1)
            let service = StockService(watch: { writer in
                try await writer.write("7")
                throw RPCError(code: .internalError, message: "broken")
            })
            try await withStock(service, through: policy(breaker)) { stock in
                let (messages, code) = try await stock.watch("shoes") { response in
                    var messages: [String] = []
                    do {
                        for try await message in response.messages { messages.append(message) }
                    } catch let error as RPCError {
                        return (messages, Optional(error.code))
                    }
                    return (messages, nil)
                }
                #expect(messages == ["7"])
                #expect(code == .internalError)
            }
            #expect(breaker.state == .open)
        }

        @Test("a bulkhead is held until a stream has been read")
        func bulkhead() async throws {
            let bulkhead = try Bulkhead("inventory", .init(limit: .fixed(1)), clock: clock)
            let written = gate()
            let service = StockService(watch: { writer in
                try await writer.write("7")
                try await written()
            })
            try await withStock(service, through: Policy("inventory", clock: clock) { bulkhead }) { stock in
                async let count = stock.watch("shoes") { response in
                    try await response.messages.reduce(0) { count, _ in count + 1 }
                }
                try await written.waitForCalls(1)
                #expect(bulkhead.inUse == 1)
                await #expect(throws: Bulkhead.RejectedError.self) { try await stock.get("shoes") }
                written.release(with: .success(()))
                #expect(try await count == 1)
            }
            #expect(bulkhead.inUse == 0)
        }

        @Test("gRPC's own retries get a rejection as a status, with its pushback, and do not wait for their deadline")
        func ownRetries() async throws {
            let breaker = try breaker(after: 1)
            let service = StockService { _, _ in throw RPCError(code: .unavailable, message: "down") }
            let retries = RetryPolicy(
                maxAttempts: 3, initialBackoff: .nanoseconds(1), maxBackoff: .nanoseconds(1), backoffMultiplier: 1,
                retryableStatusCodes: [.unavailable])
            var config = ServiceConfig()
            config.methodConfig = [
                MethodConfig(
                    names: [.init(service: "inventory.Stock")], timeout: .seconds(3_600),
                    executionPolicy: .retry(retries))
            ]
            breaker.isolate()
            let error = try await withStock(service, serviceConfig: config, through: policy(breaker)) { stock in
                await #expect(throws: RPCError.self) { try await stock.get("shoes") }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message == "circuit breaker is isolated")
            #expect(service.seen.isEmpty)
            #expect(breaker.totals.rejected == 3)
        }

        @Test("a connection that fails is a failure; the call was never sent and may be repeated, whatever it does")
        func unsent() async throws {
            let breaker = try breaker(after: 9)
            let connection = ScriptedOperation<Void>(
                clock: clock, [.failure(RPCError(code: .unavailable, message: "refused", cause: InjectedFailure()))])
            let transport = try ResilientTransport(
                wrapping: ClosedTransport { try await connection() }, policy: policy(breaker))
            let retry = try Retry(
                "orders",
                .init(backoff: .immediate, handles: .transientRPC, idempotent: false, neverRan: .unsentRPC),
                clock: clock)
            let error = await #expect(throws: RPCError.self) {
                try await retry.execute {
                    try await transport.withStream(descriptor: get, options: .defaults) { _, _ in }
                }
            }
            #expect(error?.message == "refused")
            #expect((error?.cause as? UnsentCallError)?.underlying is InjectedFailure)
            #expect(breaker.totals.failed == 3)
        }

        @Test("a call that may have run is not repeated if that could do harm")
        func sent() async throws {
            let service = StockService { _, _ in throw RPCError(code: .unavailable, message: "") }
            let retry = try Retry(
                "orders",
                .init(backoff: .immediate, handles: .transientRPC, idempotent: false, neverRan: .unsentRPC),
                clock: clock)
            try await withStock(service, through: policy(breaker(after: 9))) { stock in
                await #expect(throws: RPCError.self) { try await retry.execute { try await stock.get("shoes") } }
            }
            #expect(service.seen.count == 1)
        }

        @Test("a call that gRPC cuts off after its timeout is a failure; one that its caller gives up is nothing")
        func cutOff() async throws {
            for isLate in [true, false] {
                let breaker = try breaker(after: 9)
                let connection = ScriptedOperation<Void>(clock: clock, [.hang])
                let transport = try ResilientTransport(
                    wrapping: ClosedTransport { try await connection() }, policy: policy(breaker))
                var options = CallOptions.defaults
                options.timeout = .seconds(1)
                let task = Task { [options] in
                    try await transport.withStream(descriptor: get, options: options) { _, _ in }
                }
                try await connection.waitForCalls(1)
                clock.advance(by: isLate ? .milliseconds(995) : .milliseconds(994))
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(breaker.totals.failed == (isLate ? 1 : 0))
                #expect(breaker.totals.cancelled == (isLate ? 0 : 1))
            }
        }

        @Test("layers that repeat calls or run them elsewhere are faults of the configuration")
        func misplaced() async throws {
            let base = ClosedTransport {}
            let nested = try Policy("inner") { Timeout.layer(.seconds(1)) }
            for policy in [
                try Policy("inventory") { Retry.layer() },
                try Policy("inventory") { Timeout.layer(.seconds(1)) },
                try Policy("inventory") { nested },
            ] {
                #expect(throws: ConfigurationError.self) { try ResilientTransport(wrapping: base, policy: policy) }
            }
        }

        @Test("a policy by method is held to the same, when it is used")
        func misplacedByMethod() async throws {
            let policy = try Policy("inventory") { Timeout.layer(.seconds(1)) }
            let opened = ScriptedOperation<Void>(clock: clock, [.success(())])
            let transport = ResilientTransport(wrapping: ClosedTransport { try await opened() }) { _ in policy }
            await #expect(throws: ConfigurationError.self) {
                try await transport.withStream(descriptor: get, options: .defaults) { _, _ in }
            }
            #expect(opened.calls == 0)
        }

        @Test("each service has its own policy")
        func perService() async throws {
            let breakers = [get.method: try breaker(after: 1), watch.method: try breaker(after: 1)]
            let policies = try breakers.mapValues { breaker in try policy(breaker) }
            let none = try Policy("none") { CircuitBreaker.layer() }
            let transport = ResilientTransport(
                wrapping: ClosedTransport { throw RPCError(code: .unavailable, message: "") }
            ) { policies[$0.method] ?? none }
            await #expect(throws: RPCError.self) {
                try await transport.withStream(descriptor: get, options: .defaults) { _, _ in }
            }
            #expect(breakers[get.method]?.state == .open)
            #expect(breakers[watch.method]?.state == .closed)
        }
    }
#endif
