#if GRPC
    import GRPCCore
    import Resilience
    import ResilienceGRPC
    import ResilienceTesting
    import Testing

    @Suite("Errors of policies as statuses, and statuses in conditions")
    struct ConversionTests {
        private let clock = ManualClock()

        @Test("an open breaker is unavailable, until when it says")
        func breaker() async throws {
            let breaker = try CircuitBreaker(
                "inventory", .init(breakLength: .fixed(.milliseconds(1_500))), clock: clock)
            breaker.open()
            clock.advance(by: .microseconds(499_001))
            let error = #expect(throws: CircuitBreaker.OpenError.self) { _ = try breaker.tryAcquirePermit() }
            let status = RPCError(try #require(error))
            #expect(status.code == .unavailable)
            #expect(status.message == "circuit breaker is open")
            #expect(status.metadata.text("grpc-retry-pushback-ms") == "1001")
            #expect(status.cause is CircuitBreaker.OpenError)
        }

        @Test("a limiter is exhausted: until when it says, or for good")
        func limiter() async throws {
            let limiter = try RateLimiter("api", .tokenBucket(1, per: .seconds(1), burst: 1), clock: clock)
            try await limiter.acquire()
            let late = await #expect(throws: RateLimiter.RejectedError.self) { try await limiter.acquire() }
            let status = RPCError(try #require(late))
            #expect(status.code == .resourceExhausted)
            #expect(status.metadata.text("grpc-retry-pushback-ms") == "1000")
            let never = await #expect(throws: RateLimiter.ExceedsLimitError.self) { try await limiter.acquire(9) }
            #expect(RPCError(try #require(never)).code == .resourceExhausted)
            #expect(RPCError(try #require(never)).metadata.text("grpc-retry-pushback-ms") == "-1")
        }

        @Test("a full bulkhead is exhausted, and leaves the delay to the client's backoff")
        func bulkhead() async throws {
            let bulkhead = try Bulkhead("work", .init(limit: .fixed(0)), clock: clock)
            let error = #expect(throws: Bulkhead.RejectedError.self) { _ = try bulkhead.tryAcquirePermit() }
            let status = RPCError(try #require(error))
            #expect(status.code == .resourceExhausted)
            #expect(status.metadata.isEmpty)
        }

        @Test("a pause that a service asked for is unavailable, until when it says")
        func pause() async throws {
            let pause = try Pause("inventory", .init(maxWaiting: 0), clock: clock)
            pause.pause(for: .seconds(2))
            let error = await #expect(throws: Pause.PausedError.self) { try await pause.execute {} }
            let status = RPCError(try #require(error))
            #expect(status.code == .unavailable)
            #expect(status.metadata.text("grpc-retry-pushback-ms") == "2000")
        }

        @Test(
            "every rejection that a server's method can throw becomes a status by itself",
            arguments: [
                CircuitBreaker.OpenError.self, RateLimiter.RejectedError.self, RateLimiter.ExceedsLimitError.self,
                RateLimiter.TooManyKeysError.self, SharedRateLimiter.UnavailableError.self, Pause.PausedError.self,
                Bulkhead.RejectedError.self, AdaptiveThrottle.RejectedError.self, Timeout.NoTimeLeftError.self,
                ResilienceModule.ShutdownError.self,
            ] as [any PolicyRejection.Type])
        func conformance(of rejection: any PolicyRejection.Type) {
            #expect(rejection is any RPCErrorConvertible.Type)
        }

        @Test("a timeout is a deadline that was exceeded, also inside of what a retry throws in the end")
        func timeout() async throws {
            let policy = try Policy("inventory", clock: clock) {
                Retry.layer(.init(maxAttempts: 1, exhaustion: .exhaustedError))
                Timeout.layer(.seconds(1))
            }
            let execution = await policy.run {
                clock.advance(by: .seconds(1))
                throw CancellationError()
            }
            guard case .failure(let error as Retry.ExhaustedError) = execution.result else {
                Issue.record("\(execution.result)")
                return
            }
            #expect(RPCError(error).code == .deadlineExceeded)
        }

        private struct Closed: PolicyRejection, RPCErrorConvertible {
            let policyName = "shop"
            let reason = "the shop is closed"
            let retryAfter: Duration?
            var description: String { reason }
        }

        @Test(
            "a rejection of one's own converts with one line; its time is rounded up, and never too large",
            arguments: [
                (Duration?.none, String?.none), (.zero, nil), (.nanoseconds(1), "1"), (.milliseconds(3), "3"),
                (.milliseconds(3) + .nanoseconds(1), "4"), (.seconds(Int64.max), "\(Int64.max)"),
            ])
        func own(retryAfter: Duration?, pushback: String?) {
            let status = RPCError(Closed(retryAfter: retryAfter))
            #expect(status.code == .unavailable)
            #expect(status.message == "the shop is closed")
            #expect(status.metadata.text("grpc-retry-pushback-ms") == pushback)
        }

        @Test(
            "a breaker counts what says that the service is not well",
            arguments: [
                (RPCError.Code.unavailable, true), (.deadlineExceeded, true), (.resourceExhausted, true),
                (.internalError, true), (.unknown, true), (.dataLoss, true), (.cancelled, false),
                (.invalidArgument, false), (.notFound, false), (.alreadyExists, false), (.permissionDenied, false),
                (.failedPrecondition, false), (.aborted, false), (.outOfRange, false), (.unimplemented, false),
                (.unauthenticated, false),
            ])
        func failures(code: RPCError.Code, isFailure: Bool) async throws {
            let breaker = try CircuitBreaker("inventory", .init(handles: .failedRPC), clock: clock)
            await #expect(throws: RPCError.self) {
                try await breaker.execute { throw RPCError(code: code, message: "") }
            }
            #expect(breaker.totals.failures == (isFailure ? 1 : 0))
        }

        @Test("traces and metrics call a status by its code")
        func labels() {
            #expect(RPCError(code: .unavailable, message: "at shop 7").label == "unavailable")
            #expect(RPCError(code: .internalError, message: "").label == "internalError")
        }

        @Test("a bulkhead that adapts takes an exhausted server for overloaded")
        func overload() async throws {
            for (error, isDrop) in [
                (RPCError(code: .resourceExhausted, message: ""), true),
                (RPCError(code: .deadlineExceeded, message: ""), true),
                (RPCError(code: .unavailable, message: "", metadata: ["grpc-retry-pushback-ms": "5"]), true),
                (RPCError(code: .unavailable, message: ""), false), (RPCError(code: .notFound, message: ""), false),
            ] {
                let bulkhead = try Bulkhead(
                    "work", .init(limit: .adaptive(.aimd(initial: 10, minimum: 1))),
                    clock: clock)
                await #expect(throws: RPCError.self) { try await bulkhead.execute { throw error } }
                #expect((bulkhead.limit < 10) == isDrop, "\(error)")
            }
        }
    }
#endif
