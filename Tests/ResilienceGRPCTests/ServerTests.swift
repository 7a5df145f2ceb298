#if GRPC
    import GRPCCore
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import Testing

    @Suite("A server with an interceptor")
    struct ServerTests {
        private let clock = ManualClock()

        @Test("a client that has used up its permits is told when to come back")
        func limiter() async throws {
            let limiter = try KeyedRateLimiter<String>(
                "clients", .init(rule: .tokenBucket(1, per: .seconds(2), burst: 1)), clock: clock)
            let service = StockService { _, _ in "7" }
            let error = try await withStock(
                service, interceptors: [ResilienceInterceptor(limiter: limiter, by: .metadata("tenant"))]
            ) { stock in
                for tenant in ["acme", "bolt"] {
                    let count = try await stock.get("shoes", metadata: ["tenant": "\(tenant)"])
                    #expect(count == "7")
                }
                return await #expect(throws: RPCError.self) {
                    try await stock.get("shoes", metadata: ["tenant": "acme"])
                }
            }
            #expect(error?.code == .resourceExhausted)
            #expect(error?.metadata.text("grpc-retry-pushback-ms") == "2000")
            #expect(service.seen.count == 2)
        }

        @Test(
            "calls are told apart by method, service or address",
            arguments: [
                ("ipv4:127.0.0.1:31415", "ipv4:127.0.0.1"), ("ipv6:[::1]:443", "ipv6:[::1]"),
                ("in-process:27182", "in-process:27182"), ("unix:/tmp/a:b", "unix:/tmp/a:b"), ("", ""),
            ])
        func keys(peer: String, host: String) async throws {
            let limiter = try KeyedRateLimiter<String>(
                "clients", .init(rule: .tokenBucket(1, per: .seconds(2), burst: 1)), clock: clock)
            for (key, name) in [(RPCKey.method, "inventory.Stock/Get"), (.service, "inventory.Stock"), (.peer, host)] {
                let interceptor = ResilienceInterceptor(limiter: limiter, by: key)
                try await withServerContextRPCCancellationHandle { handle in
                    let context = ServerContext(
                        descriptor: get, remotePeer: peer, localPeer: "ipv4:127.0.0.1:1", cancellation: handle)
                    let request = StreamingServerRequest<String>(single: ServerRequest(metadata: [:], message: ""))
                    _ = try await interceptor.intercept(request: request, context: context) { _, _ in
                        StreamingServerResponse<String>(single: ServerResponse(message: ""))
                    }
                }
                await #expect(throws: RateLimiter.RejectedError.self) { try await limiter.acquire(for: name) }
            }
        }

        @Test("a slot is held until a stream has been written; calls that find none are refused")
        func bulkhead() async throws {
            let bulkhead = try Bulkhead("work", .init(limit: .fixed(1)), clock: clock)
            let written = gate()
            let service = StockService(
                get: { _, _ in "7" },
                watch: { writer in
                    try await writer.write("1")
                    try await written()
                })
            try await withStock(service, interceptors: [ResilienceInterceptor(bulkhead: bulkhead)]) { stock in
                #expect(try await stock.get("shoes") == "7")
                #expect(bulkhead.inUse == 0)
                async let count = stock.watch("shoes") { response in
                    try await response.messages.reduce(0) { count, _ in count + 1 }
                }
                try await written.waitForCalls(1)
                #expect(bulkhead.inUse == 1)
                let error = await #expect(throws: RPCError.self) { try await stock.get("shoes") }
                #expect(error?.code == .resourceExhausted)
                written.release(with: .success(()))
                #expect(try await count == 1)
                #expect(bulkhead.inUse == 0)
            }
        }

        @Test("a slot is free again after a method that fails, and after a response that is not written")
        func slotsComeBack() async throws {
            let bulkhead = try Bulkhead("work", .init(limit: .fixed(1)), clock: clock)
            let interceptor = ResilienceInterceptor(bulkhead: bulkhead)
            try await withServerContextRPCCancellationHandle { handle in
                let context = ServerContext(
                    descriptor: get, remotePeer: "", localPeer: "", cancellation: handle)
                let request = StreamingServerRequest<String>(single: ServerRequest(metadata: [:], message: ""))
                await #expect(throws: InjectedFailure.self) {
                    _ = try await interceptor.intercept(request: request, context: context) {
                        _, _ -> StreamingServerResponse<String> in throw InjectedFailure()
                    }
                }
                #expect(bulkhead.inUse == 0)
                _ = try await interceptor.intercept(request: request, context: context) { _, _ in
                    StreamingServerResponse<String>(error: RPCError(code: .notFound, message: ""))
                }
                #expect(bulkhead.inUse == 0)
                var response: StreamingServerResponse<String>? = try await interceptor.intercept(
                    request: request, context: context
                ) { _, _ in StreamingServerResponse<String>(single: ServerResponse(message: "")) }
                #expect(bulkhead.inUse == 1)
                #expect(response != nil)
                response = nil
                #expect(bulkhead.inUse == 0)
            }
        }

        @Test("calls that wait for a slot are served by priority")
        func priority() async throws {
            let events = EventRecorder()
            let bulkhead = try Bulkhead(
                "work", .init(limit: .fixed(1), queue: .init(capacity: 9)), clock: clock, observers: [events])
            let first = gate()
            let service = StockService { request, _ in
                if request.metadata.isEmpty { try await first() }
                return ""
            }
            let interceptor = ResilienceInterceptor(bulkhead: bulkhead) { _, metadata in
                metadata.text("urgency") == "high" ? .high : .low
            }
            try await withStock(service, interceptors: [interceptor]) { stock in
                async let running = stock.get("")
                try await first.waitForCalls(1)
                async let low = stock.get("", metadata: ["urgency": "low"])
                try await events.waitForEvents(2)
                async let high = stock.get("", metadata: ["urgency": "high"])
                try await events.waitForEvents(3)
                first.release(with: .success(()))
                _ = try await (running, low, high)
            }
            #expect(service.seen.map { $0.text("urgency") } == [nil, "high", "low"])
        }

        @Test(
            "policies within a method know the deadline that the client gave", arguments: ["5S", "5000m", "5000000u"])
        func deadlineIn(timeout: String) async throws {
            let interceptor = ResilienceInterceptor(clock: clock)
            let policy = try Policy("upstream", clock: clock) { CircuitBreaker.layer() }
            let remaining = try await intercepted(interceptor, ["grpc-timeout": "\(timeout)"]) {
                try await policy.execute { context in context.remaining }
            }
            #expect(remaining == .milliseconds(4_995))
        }

        @Test(
            "a timeout that is none is counted, and the call runs without a deadline",
            arguments: ["", "S", "5", "5s", "-5S", "+5S", "5.5S", "123456789S", "5 S", "٥S", "5SS"])
        func unreadable(timeout: String) async throws {
            let interceptor = ResilienceInterceptor(clock: clock)
            let policy = try Policy("upstream", clock: clock) { CircuitBreaker.layer() }
            let remaining = try await intercepted(interceptor, ["grpc-timeout": "\(timeout)"]) {
                try await policy.execute { context in context.remaining }
            }
            #expect(remaining == nil)
            #expect(interceptor.unreadableTimeouts == 1)
        }

        @Test("any text may stand in the field")
        func randomTimeouts() async throws {
            let seed = UInt64.random(in: 0 ... .max)
            var random = SplitMix(state: seed)
            let interceptor = ResilienceInterceptor(clock: clock)
            let letters = Array("0123456789HMSmun -+.é")
            for _ in 1...1_000 {
                let text = String(
                    (0..<Int.random(in: 0...10, using: &random)).compactMap { _ in
                        letters.randomElement(using: &random)
                    })
                _ = try? await intercepted(interceptor, ["grpc-timeout": "\(text)"]) {}
            }
            #expect(interceptor.unreadableTimeouts > 0, "seed \(seed)")
        }

        @Test("the longest timeout is a deadline, too")
        func longest() async throws {
            let policy = try Policy("upstream", clock: clock) { CircuitBreaker.layer() }
            let remaining = try await intercepted(
                ResilienceInterceptor(clock: clock), ["grpc-timeout": "99999999H"]
            ) {
                try await policy.execute { context in context.remaining }
            }
            #expect(remaining.map { $0 > .seconds(1_000_000_000) } == true)
        }

        @Test("a call whose time is over does not run")
        func expired() async throws {
            let calls = ScriptedOperation<Void>(clock: clock, [.success(())])
            let error = await #expect(throws: RPCError.self) {
                try await intercepted(ResilienceInterceptor(clock: clock), ["grpc-timeout": "0n"]) { try await calls() }
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(calls.calls == 0)
        }

        @Test("a method is cancelled when its time is up, and a wait for a slot ends")
        func cutOff() async throws {
            let clock = clock
            let events = EventRecorder()
            let bulkhead = try Bulkhead(
                "work", .init(limit: .fixed(1), queue: .init(capacity: 9)), clock: clock, observers: [events])
            let held = try bulkhead.tryAcquirePermit()
            let interceptor = ResilienceInterceptor(bulkhead: bulkhead, clock: clock)
            async let error = #expect(throws: RPCError.self) {
                try await intercepted(interceptor, ["grpc-timeout": "1S"]) {}
            }
            try await events.waitForEvents(2)
            clock.advance(by: .seconds(1))
            #expect(await error?.code == .resourceExhausted)
            held.release()
        }

        @Test("a method is cancelled with its call: past the deadline as exceeded, and before as cancelled")
        func cancellation() async throws {
            for isLate in [true, false] {
                let hanging = gate()
                let clock = clock
                let error = await #expect(throws: RPCError.self) {
                    try await withServerContextRPCCancellationHandle { handle in
                        async let result: Void = intercepted(
                            ResilienceInterceptor(clock: clock), ["grpc-timeout": "1S"], handle
                        ) { try await hanging() }
                        try await hanging.waitForCalls(1)
                        clock.advance(by: .milliseconds(isLate ? 995 : 994))
                        handle.cancel()
                        try await result
                    }
                }
                #expect(error?.code == (isLate ? .deadlineExceeded : .cancelled))
            }
        }

        @Test("a call that was cancelled before it came to its method is cancelled there, under no lock of gRPC's")
        func cancelledBefore() async throws {
            let hanging = gate()
            let error = await #expect(throws: RPCError.self) {
                try await withServerContextRPCCancellationHandle { handle in
                    handle.cancel()
                    try await intercepted(ResilienceInterceptor(), [:], handle) {
                        try await withTaskCancellationHandler {
                            try await hanging()
                        } onCancel: {
                            #expect(handle.isCancelled)
                        }
                    }
                }
            }
            #expect(error?.code == .cancelled)
        }

        @Test("what a policy throws in a method becomes its status")
        func converted() async throws {
            let breaker = try CircuitBreaker("upstream", clock: clock)
            try breaker.open(for: .seconds(3))
            let service = StockService { _, _ in try await breaker.execute { "7" } }
            let error = try await withStock(service, interceptors: [ResilienceInterceptor()]) { stock in
                await #expect(throws: RPCError.self) { try await stock.get("shoes") }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.metadata.text("grpc-retry-pushback-ms") == "3000")
        }

        /// Runs a method behind an interceptor.
        private func intercepted<Value: Sendable>(
            _ interceptor: ResilienceInterceptor, _ metadata: Metadata,
            _ method: @escaping @Sendable () async throws -> Value
        ) async throws -> Value {
            try await withServerContextRPCCancellationHandle { handle in
                try await intercepted(interceptor, metadata, handle, method)
            }
        }

        private func intercepted<Value: Sendable>(
            _ interceptor: ResilienceInterceptor, _ metadata: Metadata,
            _ handle: ServerContext.RPCCancellationHandle, _ method: @escaping @Sendable () async throws -> Value
        ) async throws -> Value {
            let context = ServerContext(descriptor: get, remotePeer: "", localPeer: "", cancellation: handle)
            let request = StreamingServerRequest<String>(single: ServerRequest(metadata: metadata, message: ""))
            let result = ScriptedValue<Value>()
            let response: StreamingServerResponse<String> = try await interceptor.intercept(
                request: request, context: context
            ) { _, _ in
                result.set(try await method())
                return StreamingServerResponse(single: ServerResponse(message: ""))
            }
            _ = try response.accepted.get()
            return try #require(result.value)
        }
    }
#endif
