#if GRPC
    import GRPCCore
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import Testing

    @Suite("Calls of a generated client under a policy")
    struct CallSiteTests {
        private let clock = ManualClock()

        private func retry(_ configuration: Retry.Configuration) throws -> Policy {
            try Policy("inventory", clock: clock) { Retry.layer(configuration) }
        }

        @Test("a call that failed for now is repeated, and the server is told which attempt it is")
        func retries() async throws {
            let script = ScriptedOperation<String>(
                clock: clock,
                [
                    .failure(RPCError(code: .unavailable, message: "")),
                    .failure(RPCError(code: .unavailable, message: "")),
                    .success("7"),
                ])
            let service = StockService { _, _ in try await script() }
            let policy = try retry(.init(backoff: .immediate, handles: .transientRPC))
            let stock = try await withStock(service) { stock in
                try await policy.execute { context in
                    let call = context.rpc(metadata: ["tenant": "acme"])
                    return try await stock.get("shoes", metadata: call.metadata, options: call.options)
                }
            }
            #expect(stock == "7")
            #expect(service.seen.map { $0.text("grpc-previous-rpc-attempts") } == [nil, "1", "2"])
            #expect(service.seen.map { $0.text("tenant") } == ["acme", "acme", "acme"])
        }

        @Test("a call waits as long as the server asks, in place of its backoff", arguments: [1, 250, 29_000])
        func pushback(milliseconds: Int) async throws {
            let busy = RPCError(
                code: .resourceExhausted, message: "", metadata: ["grpc-retry-pushback-ms": "\(milliseconds)"])
            let script = ScriptedOperation<String>(clock: clock, [.failure(busy), .success("7")])
            let service = StockService { _, _ in try await script() }
            let policy = try retry(.init(backoff: .constant(.seconds(1)), handles: .transientRPC, hintJitter: 0))
            let stock = try await withStock(service) { stock in
                async let result = policy.execute { context in
                    let call = context.rpc()
                    return try await stock.get("shoes", metadata: call.metadata, options: call.options)
                }
                try await clock.waitForSleepers(1)
                #expect(clock.nextDeadline.map { clock.now.duration(to: $0) } == .milliseconds(milliseconds))
                clock.advanceToNextDeadline()
                return try await result
            }
            #expect(stock == "7")
        }

        @Test("a server that asks not to be called again is not", arguments: ["-1", "soon", "", "1.5"])
        func stop(pushback: String) async throws {
            let service = StockService { _, _ in
                throw RPCError(code: .unavailable, message: "", metadata: ["grpc-retry-pushback-ms": "\(pushback)"])
            }
            let policy = try retry(.init(backoff: .immediate, handles: .transientRPC))
            await #expect(throws: RPCError.self) {
                try await withStock(service) { stock in
                    try await policy.execute { try await stock.get("shoes") }
                }
            }
            #expect(service.seen.count == 1)
        }

        @Test(
            "an answer that refuses the call is not asked for again",
            arguments: [
                RPCError.Code.cancelled, .unknown, .invalidArgument, .deadlineExceeded, .notFound, .alreadyExists,
                .permissionDenied, .resourceExhausted, .failedPrecondition, .aborted, .outOfRange, .unimplemented,
                .internalError, .dataLoss, .unauthenticated,
            ])
        func permanent(code: RPCError.Code) async throws {
            let service = StockService { _, _ in throw RPCError(code: code, message: "no") }
            let policy = try retry(.init(backoff: .immediate, handles: .transientRPC))
            let error = await #expect(throws: RPCError.self) {
                try await withStock(service) { stock in
                    try await policy.execute { try await stock.get("shoes") }
                }
            }
            #expect(error?.code == code)
            #expect(service.seen.count == 1)
        }

        @Test("the options carry the time that is left, and keep a timeout that is shorter")
        func timeLeft() async throws {
            let policy = try Policy("inventory", clock: clock) { Timeout.layer(.seconds(5)) }
            try await policy.execute { context in
                #expect(context.rpc().options.timeout == .seconds(5))
                clock.advance(by: .seconds(2))
                #expect(context.rpc().options.timeout == .seconds(3))
                var options = CallOptions.defaults
                options.timeout = .seconds(1)
                options.waitForReady = true
                let call = context.rpc(options: options)
                #expect(call.options.timeout == .seconds(1))
                #expect(call.options.waitForReady == true)
                options.timeout = .seconds(60)
                #expect(context.rpc(options: options).options.timeout == .seconds(3))
            }
            let unlimited = try Policy("inventory", clock: clock) { CircuitBreaker.layer() }
            try await unlimited.execute { context in
                #expect(context.rpc().options.timeout == nil)
                #expect(context.rpc().metadata.isEmpty)
            }
        }

        @Test("the server is told the time that is left")
        func deadlineOut() async throws {
            let service = StockService { _, _ in "7" }
            let policy = try Policy("inventory", clock: clock) { Timeout.layer(.seconds(5)) }
            try await withStock(service) { stock in
                _ = try await policy.execute { context in
                    let call = context.rpc()
                    return try await stock.get("shoes", metadata: call.metadata, options: call.options)
                }
            }
            #expect(service.seen.first?.text("grpc-timeout") != nil)
        }

        @Test("a slow call is overtaken by a hedge, which says that it is the second attempt")
        func hedge() async throws {
            let script = ScriptedOperation<String>(clock: clock, [.hang, .success("7")])
            let service = StockService { _, _ in try await script() }
            let hedged = try Policy("inventory", clock: clock) { CircuitBreaker.layer() }
                .hedged(.init(delay: .fixed(.milliseconds(50))))
            let stock = try await withStock(service, interceptors: [ResilienceInterceptor()]) { stock in
                async let result = hedged.execute { context in
                    let call = context.rpc()
                    return try await stock.get("shoes", metadata: call.metadata, options: call.options)
                }
                try await script.waitForCalls(1)
                try await clock.waitForTimers(1)
                clock.advance(by: .milliseconds(50))
                return try await result
            }
            #expect(stock == "7")
            #expect(service.seen.map { $0.text("grpc-previous-rpc-attempts") } == [nil, "1"])
        }

        @Test("a fallback answers when the service does not")
        func fallback() async throws {
            let service = StockService { _, _ in throw RPCError(code: .unavailable, message: "") }
            let policy = try retry(.init(backoff: .immediate, maxAttempts: 2, handles: .transientRPC))
            let stock = try await withStock(service) { stock in
                try await policy.execute {
                    try await stock.get("shoes")
                } fallback: { error in
                    #expect((error as? RPCError)?.code == .unavailable)
                    return "unknown"
                }
            }
            #expect(stock == "unknown")
            #expect(service.seen.count == 2)
        }
    }
#endif
