#if Tracing
    import InMemoryTracing
    import Resilience
    import ResilienceTesting
    import ResilienceTracing
    import TestSupport
    import Testing
    @testable import Timeouts
    import Tracing

    @Suite("Tracing", .timeLimit(.minutes(30)))
    struct TraceTests {
        private let clock = ManualClock()
        private let tracer = InMemoryTracer()

        private func policy<S: Strategy>(@PolicyBuilder _ layers: () -> Layer<S>) throws -> Policy {
            try Policy("payments", clock: clock, layers: layers)
        }

        private var own: Trace.Configuration { .init(tracer: tracer) }

        @Test("a call is a span with the policy's name, in the span of its caller, and around what it calls")
        func nesting() async throws {
            let policy = try policy { Trace.layer(.init(kind: .client, attributes: ["peer.service": "bank"])) }
            try await withTracer(tracer) {
                try await withSpan("request") { _ in
                    try await policy.execute { await withSpan("query") { _ in await Task.yield() } }
                }
            }
            let spans = tracer.finishedSpans
            #expect(spans.map(\.operationName) == ["query", "payments", "request"])
            #expect(Set(spans.map(\.traceID)).count == 1)
            #expect(spans[0].parentSpanID == spans[1].spanID)
            #expect(spans[1].parentSpanID == spans[2].spanID)
            #expect(spans[1].kind == .client)
            #expect(
                spans[1].attributes == [
                    "peer.service": "bank", "resilience.policy": "payments", "resilience.attempt": 1,
                    "resilience.outcome": "succeeded",
                ])
            #expect(spans[1].status == nil)
            #expect(spans[1].events.isEmpty)
            #expect(spans[1].errors.isEmpty)
            #expect(tracer.activeSpans.isEmpty)
        }

        @Test("each attempt is a span of its own, and the delays between are events of the call's span")
        func attempts() async throws {
            let operation = ScriptedOperation<Int>(
                clock: clock, [.failure(InjectedFailure("a")), .failure(InjectedFailure("b")), .success(1)])
            let policy = try policy {
                Trace.layer(own)
                Retry.layer(.exponential(from: .milliseconds(100), jitter: .none), maxAttempts: 3)
                Trace.layer("attempt", own)
            }
            let call = Task { try await policy.execute { try await operation() } }
            for _ in 1...2 {
                try await clock.waitForSleepers(1)
                clock.advance(by: .milliseconds(200))
            }
            #expect(try await call.value == 1)

            let spans = tracer.finishedSpans
            #expect(spans.map(\.operationName) == ["attempt", "attempt", "attempt", "payments"])
            #expect(spans.dropLast().map { $0.attributes.get("resilience.attempt") } == [1, 2, 3])
            #expect(spans.dropLast().allSatisfy { $0.parentSpanID == spans[3].spanID })
            #expect(spans.map { $0.status?.code } == [.error, .error, nil, nil])
            #expect(spans[1].errors.map { $0.error as? InjectedFailure } == [InjectedFailure("b")])
            #expect(spans[0].events.isEmpty && spans[3].errors.isEmpty)
            #expect(spans[3].events.map(\.name) == ["retry.attempt_failed", "retry.attempt_failed"])
            #expect(
                spans[3].events.map(\.attributes) == [
                    [
                        "resilience.attempt": 1, "error.type": "InjectedFailure", "resilience.delay_seconds": 0.1,
                    ],
                    [
                        "resilience.attempt": 2, "error.type": "InjectedFailure", "resilience.delay_seconds": 0.2,
                    ],
                ])
        }

        @Test("a rejection is an event with its reason, and the state in which the breaker was met")
        func rejection() async throws {
            let breaker = try CircuitBreaker("bank", .init(breakLength: .fixed(.seconds(30))), clock: clock)
            breaker.isolate()
            let policy = try policy {
                Trace.layer(own)
                breaker
            }
            await #expect(throws: CircuitBreaker.OpenError.self) { try await policy.execute {} }
            let span = try #require(tracer.finishedSpans.first)
            #expect(span.events.map(\.name) == ["circuit_breaker.met", "policy.rejected"])
            #expect(
                span.events.map(\.attributes) == [
                    ["resilience.source": "bank", "resilience.state": "isolated"],
                    ["resilience.source": "bank", "resilience.reason": "circuit breaker is isolated"],
                ])
            #expect(span.attributes.get("resilience.outcome") == "rejected")
            #expect(span.status == SpanStatus(code: .error, message: "circuit breaker is isolated"))
            #expect(span.errors.isEmpty)
        }

        @Test("a closed breaker and a free bulkhead are not worth an event; a hint of when to try again is")
        func quiet() async throws {
            let policy = try policy {
                Trace.layer(own)
                Bulkhead.layer(limit: 1)
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(30))))
            }
            try? await policy.execute { throw InjectedFailure() }
            try? await policy.execute {}
            #expect(
                tracer.finishedSpans.map { $0.events.map(\.name) } == [[], ["circuit_breaker.met", "policy.rejected"]])
            #expect(tracer.finishedSpans.last?.events.last?.attributes.get("resilience.retry_after_seconds") == 30.0)
        }

        @Test("a wait for a bulkhead is an event with its length")
        func bulkhead() async throws {
            let bulkhead = try Bulkhead(
                "bank", .init(limit: .fixed(1), queue: .init(capacity: 1, maxWait: .seconds(60))), clock: clock)
            let policy = try policy {
                Trace.layer(own)
                bulkhead
            }
            let operation = ScriptedOperation<Int>(clock: clock, [.success(1, after: .seconds(2)), .success(2)])
            let first = Task { try await bulkhead.execute { try await operation() } }
            try await operation.waitForCalls(1)
            let second = Task { try await policy.execute { try await operation() } }
            try await clock.waitForTimers(1)
            try await clock.waitForSleepers(1)
            clock.advance(by: .seconds(2))
            #expect(try await [first.value, second.value] == [1, 2])
            #expect(tracer.finishedSpans.first?.events.map(\.name) == ["bulkhead.waited"])
            #expect(
                tracer.finishedSpans.first?.events.first?.attributes
                    == ["resilience.source": "bank", "resilience.waited_seconds": 2.0])
        }

        @Test("a call that exceeds its time has an event, an error and the status")
        func timeout() async throws {
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            let policy = try policy {
                Trace.layer(own)
                Timeout.layer(.seconds(2))
            }
            let call = Task { try await policy.execute { try await operation() } }
            try await operation.waitForCalls(1)
            clock.advance(by: .seconds(2))
            await #expect(throws: Timeout.ExceededError.self) { try await call.value }
            let span = try #require(tracer.finishedSpans.first)
            #expect(span.events.map(\.name) == ["timeout.exceeded"])
            #expect(
                span.events.first?.attributes == ["resilience.source": "payments", "resilience.limit_seconds": 2.0])
            #expect(span.attributes.get("resilience.outcome") == "failed")
            #expect(span.errors.count == 1)
            #expect(span.status?.code == .error)
        }

        @Test("a call that its caller cancels has neither an error nor the status of one")
        func cancelled() async throws {
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            let policy = try policy { Trace.layer(own) }
            let call = Task { try await policy.execute { try await operation() } }
            try await operation.waitForCalls(1)
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            let span = try #require(tracer.finishedSpans.first)
            #expect(span.attributes.get("resilience.outcome") == "cancelled")
            #expect(span.status == nil)
            #expect(span.errors.isEmpty)
        }

        /// How calls end that the error alone does not tell.
        enum Ending: CaseIterable {
            case strayCancellation, failureOfCancelled, rejectionOfCancelled, wrappedRejection, wrappedTimeout
            case wrappedCancellation

            var error: any Error {
                let rejection = Refused()
                let exceeded = Timeout.ExceededError(policyName: "inner", limit: .seconds(1), underlying: nil)
                return switch self {
                case .strayCancellation: CancellationError()
                case .failureOfCancelled: InjectedFailure()
                case .rejectionOfCancelled: rejection
                case .wrappedRejection: Wrapper(wrappedError: rejection)
                case .wrappedTimeout: Wrapper(wrappedError: exceeded)
                case .wrappedCancellation: Wrapper(wrappedError: CancellationError())
                }
            }

            var isCancelled: Bool { self == .failureOfCancelled || self == .rejectionOfCancelled }

            var outcome: String {
                switch self {
                case .strayCancellation, .wrappedTimeout, .wrappedCancellation: "failed"
                case .failureOfCancelled: "cancelled"
                case .rejectionOfCancelled, .wrappedRejection: "rejected"
                }
            }

            var events: [String] {
                switch self {
                case .rejectionOfCancelled, .wrappedRejection: ["policy.rejected"]
                case .wrappedTimeout: ["timeout.exceeded"]
                default: []
                }
            }
        }

        private struct Wrapper: ErrorWrapper {
            let wrappedError: any Error
        }

        @Test("a span ends as its policy counts the call", arguments: Ending.allCases)
        func judgement(ending: Ending) async throws {
            let calls = CallMetrics()
            let policy = try Policy("payments", clock: clock, observers: [calls]) { Trace.layer(own) }
            let call: @Sendable () async -> Void = { try? await policy.execute { throw ending.error } }
            if ending.isCancelled { try await inCancelledTask(call) } else { await call() }
            let span = try #require(tracer.finishedSpans.first)
            #expect(span.attributes.get("resilience.outcome") == .string(ending.outcome))
            #expect(span.events.map(\.name) == ending.events)
            #expect((span.status?.code == .error) == (ending.outcome != "cancelled"))
            let counted = MetricCollection(of: [calls]).samples(of: "resilience.policy.calls")
            #expect(counted.filter { $0.value == .integer(1) }.map { $0.labels[1] } == [ending.outcome])
        }

        @Test("a value that is not accepted is a failure of the span, and still the caller's value")
        func unaccepted() async throws {
            let policy = try policy { Trace.layer(own) }
            #expect(try await policy.execute(accepting: { $0 < 500 }) { 503 } == 503)
            let span = try #require(tracer.finishedSpans.first)
            #expect(span.attributes.get("resilience.outcome") == "failed")
            #expect(span.status == SpanStatus(code: .error, message: "the result was not accepted"))
            #expect(span.errors.isEmpty)
        }

        @Test("the step of a fallback and the winner of a hedge are events of a span around the call")
        func aroundTheCall() async throws {
            let trace = Trace("quote", own)
            let quotes = try Policy("quotes", clock: clock) { CircuitBreaker.layer() }
            let withFallback = try quotes.fallback(Int.self) { .value(7, name: "cached") }
            let served = try await trace.execute { context in
                try await withFallback.execute(within: context) { throw InjectedFailure() }
            }
            #expect(served == 7)
            let hedged = try quotes.hedged(.init(delay: .fixed(.seconds(1))))
            #expect(try await trace.execute { context in try await hedged.execute(within: context) { 8 } } == 8)
            // What is recorded for an `Execution` within the call is heard as well.
            let execution = try await trace.execute { context in
                await withFallback.run(within: context) { throw InjectedFailure() }
            }
            #expect(execution.servedBy?.step == "cached")

            #expect(
                tracer.finishedSpans.map { $0.events.map(\.name) } == [
                    ["fallback.served"], ["hedge.won"], ["fallback.served"],
                ])
            #expect(
                tracer.finishedSpans.first?.events.first?.attributes
                    == ["resilience.source": "quotes", "resilience.step": "cached"])
            #expect(tracer.finishedSpans[1].events.first?.attributes == ["resilience.attempt": 1])
            #expect(tracer.finishedSpans.allSatisfy { $0.status == nil })
        }

        @Test("run() reports as it does without spans")
        func execution() async throws {
            let policy = try policy {
                Trace.layer(own)
                Retry.layer(.immediate, maxAttempts: 2)
                Trace.layer("attempt", own)
                CircuitBreaker.layer()
            }
            let operation = ScriptedOperation<Int>(clock: clock, [.failure(InjectedFailure()), .success(1)])
            let execution = await policy.run { try await operation() }
            #expect(execution.value == 1)
            #expect(execution.attempts == 2)
            #expect(execution.failedAttempts.map(\.attempt) == [1])
            #expect(execution.circuitBreakerState == .closed)
            // A report is an event of the innermost span alone.
            #expect(
                tracer.finishedSpans.map { $0.events.map(\.name) } == [[], [], ["retry.attempt_failed"]])
        }

        @Test("without a tracer there is no span, and the tracer that is current is taken")
        func tracers() async throws {
            let policy = try policy { Trace.layer() }
            try await policy.execute { #expect(InstrumentationContext.current == nil) }
            #expect(tracer.finishedSpans.isEmpty)
            try await withTracer(tracer) { try await policy.execute {} }
            #expect(tracer.finishedSpans.count == 1)
        }

        @Test("both forms of composing, and the description")
        func composing() async throws {
            let policy = try Policy.pipeline("payments").trace().trace("attempt", own).trace("again").build()
            #expect("\(policy)" == "Trace(payments) → Trace(attempt) → Trace(again)")
            try await policy.execute {}
            #expect(tracer.finishedSpans.map(\.operationName) == ["attempt"])
        }
    }
#endif
