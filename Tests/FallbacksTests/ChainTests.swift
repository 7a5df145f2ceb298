import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Retries
import TestSupport
import Testing
import Timeouts

@testable import Fallbacks

@Suite("Fallback: the chain", .timeLimit(.minutes(30)))
struct ChainTests {
    @Test("a call that succeeds needs no step")
    func success() async throws {
        let fallback = try Fallback<Int>("f") { .step("never") { _ in throw Down() } }
        #expect(try await fallback.execute { 1 } == 1)
        #expect(try await fallback.execute { context in context.attempt } == 1)
        #expect(fallback.totals.succeeded == 2)
        #expect(fallback.totals.calls == 2)
        #expect(fallback.totals.steps == ["never": .init()])
    }

    @Test("steps are tried first to last, each with the error of the call")
    func order() async throws {
        let log = Log<String>()
        let fallback = try Fallback<Int>("f") {
            .step("a") { error in
                log.append("a \(error is Down)")
                throw InjectedFailure("a")
            }
            .step("b") { error in
                log.append("b \(error is Down)")
                return 2
            }
            .step("c") { _ in
                log.append("c")
                return 3
            }
        }
        #expect(try await fallback.execute { throw Down() } == 2)
        #expect(log.elements == ["a true", "b true"])
        let totals = fallback.totals
        #expect(totals.served == 1)
        #expect(totals.steps["a"]?.failed == 1)
        #expect(totals.steps["b"]?.succeeded == 1)
        #expect(totals.steps["c"]?.calls == 0)
        #expect(fallback.running(in: "a") == 0)
        #expect(fallback.running(in: "b") == 0)
    }

    @Test("when every step fails the error of the call comes back, unchanged")
    func exhausted() async throws {
        let fallback = try Fallback<Int>("f") { .step("a") { _ in throw InjectedFailure("a") } }
        await #expect(throws: Down()) { try await fallback.execute { throw Down() } }
        #expect(fallback.totals.exhausted == 1)
    }

    @Test("the errors of the steps are attached on request")
    func attached() async throws {
        let fallback = try Fallback<Int>(
            "f",
            .init(exhaustion: .exhaustedError) {
                .step("a") { _ in throw InjectedFailure("a") }
                    .value(0, handles: .only(Refused.self))
                    .lastGood(maxAge: .seconds(1))
            })
        let error = await #expect(throws: FallbackExhaustedError.self) {
            try await fallback.execute { throw Down() }
        }
        #expect(error?.wrappedError is Down)
        #expect(error?.policyName == "f")
        #expect(error?.steps.map(\.step) == ["a", "value", "last good"])
        #expect(
            error?.description
                == "fallback \"f\" is exhausted (step \"a\" failed: \(InjectedFailure("a")), "
                + "step \"value\" is not for this error, step \"last good\" has no value): Down()")
    }

    @Test("an error for which there is no fallback passes through")
    func unhandled() async throws {
        let fallback = try Fallback<Int>("f", .init(handles: .rejections) { .value(7) })
        await #expect(throws: Down()) { try await fallback.execute { throw Down() } }
        #expect(try await fallback.execute { throw Refused() } == 7)
        #expect(fallback.totals.unhandled == 1)
        #expect(fallback.totals.served == 1)
        #expect(fallback.totals.steps["value"]?.calls == 1)
    }

    @Test("a step's own condition narrows it")
    func condition() async throws {
        let fallback = try Fallback<Int>("f") {
            .value(1, name: "rejected", handles: .rejections)
                .step("down", handles: .only(Down.self)) { _ in 2 }
                .value(3, name: "else")
        }
        #expect(try await fallback.execute { throw Refused() } == 1)
        #expect(try await fallback.execute { throw Down() } == 2)
        #expect(try await fallback.execute { throw InjectedFailure() } == 3)
        #expect(fallback.totals.steps["rejected"]?.skipped == 2)
        #expect(fallback.totals.steps["down"]?.skipped == 1)
    }

    // MARK: Rows

    @Test("FS-24: around an open breaker: no call, the fallback sees that it is open")
    func aroundOpenBreaker() async throws {
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(1)))
        breaker.open()
        let policy = try Policy("p") { breaker }
        let seen = Log<Bool>()
        let guarded = try policy.fallback(Int.self) {
            .step("s") { error in
                seen.append(error is CircuitBreaker.OpenError)
                return 9
            }
        }
        let calls = Log<Int>()
        let value = try await guarded.execute {
            calls.append(1)
            return 1
        }
        #expect(value == 9)
        #expect(calls.elements.isEmpty)
        #expect(seen.elements == [true])
        let execution = await guarded.run { 1 }
        #expect(execution.rejection is CircuitBreaker.OpenError)
        #expect(execution.attempts == 0)
        #expect(execution.isServedByFallback)
        #expect(execution.circuitBreakerState != nil)
    }

    @Test("FS-25: around retry(3) around breaker(5): 3 calls, the fallback's value, the breaker closed with 3 failures")
    func aroundRetryAndBreaker() async throws {
        let breaker = try CircuitBreaker("b", .init(trip: .consecutiveFailures(5)))
        let policy = try Policy("p") {
            Retry.layer(.immediate, maxAttempts: 3)
            breaker
        }
        let guarded = try policy.fallback(Int.self) { .value(9) }
        let calls = Log<Int>()
        let value = try await guarded.execute {
            calls.append(1)
            throw Down()
        }
        #expect(value == 9)
        #expect(calls.elements.count == 3)
        #expect(breaker.state == .closed)
        #expect(breaker.totals.failed == 3)
    }

    @Test("FS-26: only for retries that are exhausted: the fallback's value after 3 calls")
    func onlyWhenRetriesAreExhausted() async throws {
        var configuration = Retry.Configuration(backoff: .immediate, maxAttempts: 3)
        configuration.exhaustion = .exhaustedError
        let policy = try Policy("p") { Retry.layer(configuration) }
        let guarded = try policy.fallback(Int.self, handles: .only(Retry.ExhaustedError.self)) { .value(9) }
        let calls = Log<Int>()
        let value = try await guarded.execute {
            calls.append(1)
            throw Down()
        }
        #expect(value == 9)
        #expect(calls.elements.count == 3)
        let once = try Policy("once") { Through() }.fallback(Int.self, handles: .only(Retry.ExhaustedError.self)) {
            .value(9)
        }
        await #expect(throws: Down()) { try await once.execute { throw Down() } }
    }

    // MARK: Cancellation

    @Test("X-24: no step runs for the caller's cancellation, whatever the error: a failure, a refusal, a wrapper")
    func cancellationError() async throws {
        let fallback = try Fallback<Int>("f") { .value(1) }
        let errors: [any Error] = [
            CancellationError(), Down(), Refused(),
            FallbackExhaustedError(policyName: "inner", wrappedError: Refused(), steps: []),
        ]
        for error in errors {
            let thrown = await #expect(throws: (any Error).self) {
                try await inCancelledTask { try await fallback.execute { throw error } }
            }
            #expect(thrown.map { type(of: $0) == type(of: error) } == true)
        }
        let value = try await inCancelledTask { try await fallback.execute(accepting: { $0 > 0 }) { -1 } }
        #expect(value == -1)
        #expect(fallback.totals.cancelled == 5)
        #expect(fallback.totals.calls == 5)
        #expect(fallback.totals.steps["value"]?.calls == 0)
    }

    @Test("a CancellationError that nothing around the call asked for is a failure, also inside another error")
    func foreignCancellation() async throws {
        let fallback = try Fallback<Int>("f") { .value(1) }
        #expect(try await fallback.execute { throw CancellationError() } == 1)
        #expect(try await fallback.execute { _ in try await inCancelledTask { throw CancellationError() } } == 1)
        #expect(
            try await fallback.execute {
                throw FallbackExhaustedError(policyName: "inner", wrappedError: CancellationError(), steps: [])
            } == 1)
        let execution = await fallback.run { throw CancellationError() }
        #expect(execution.value == 1 && execution.fallbackCause is CancellationError)
        #expect(fallback.totals.served == 4 && fallback.totals.cancelled == 0)
    }

    @Test("conditions look through errors that wrap another")
    func wrappers() async throws {
        let fallback = try Fallback<Int>("f", .init(handles: .only(Down.self)) { .value(2, handles: .only(Down.self)) })
        let inner = FallbackExhaustedError(policyName: "inner", wrappedError: Down(), steps: [])
        let outer = FallbackExhaustedError(policyName: "outer", wrappedError: inner, steps: [])
        #expect(try await fallback.execute { throw inner } == 2)
        #expect(try await fallback.execute { throw outer } == 2)
        let other = FallbackExhaustedError(policyName: "inner", wrappedError: InjectedFailure(), steps: [])
        await #expect(throws: FallbackExhaustedError.self) { try await fallback.execute { throw other } }
        #expect(fallback.totals.served == 2 && fallback.totals.unhandled == 1)
    }

    @Test("the hint of a fallback that is exhausted is that of the error inside of wrappers")
    func hintInsideOfWrappers() {
        struct Wrapper: ErrorWrapper { let wrappedError: any Error }
        struct Busy: Error, RetryAfterProviding { let retryAfter: Duration? = .seconds(7) }
        for error in [Busy(), Wrapper(wrappedError: Busy()), Wrapper(wrappedError: Wrapper(wrappedError: Busy()))]
            as [any Error]
        {
            #expect(
                FallbackExhaustedError(policyName: "f", wrappedError: error, steps: []).retryAfter == .seconds(7),
                "\(error)")
        }
        #expect(FallbackExhaustedError(policyName: "f", wrappedError: Down(), steps: []).retryAfter == nil)
    }

    @Test("an exhausted fallback stands for the error of the call, and hands on when to try again")
    func exhaustedError() throws {
        struct Busy: Error, RetryAfterProviding { let retryAfter: Duration? = .seconds(7) }
        let busy = FallbackExhaustedError(policyName: "f", wrappedError: Busy(), steps: [])
        #expect(busy.wrappedError is Busy)
        #expect(busy.retryAfter == .seconds(7))
        #expect(FallbackExhaustedError(policyName: "g", wrappedError: busy, steps: []).retryAfter == .seconds(7))
        let refused = FallbackExhaustedError(policyName: "f", wrappedError: Refused(), steps: [])
        #expect(CallEnd(refused) == .rejected && refused.retryAfter == nil)
        #expect(CallEnd(busy) == .failed)
    }

    @Test("X-24: no step runs when the task is cancelled, whatever the error")
    func cancelledTask() async throws {
        let fallback = try Fallback<Int>("f", .init(exhaustion: .exhaustedError) { .value(1) })
        let operation = ScriptedOperation<Int>(clock: ManualClock(), [.hang])
        let call = Task {
            try await fallback.execute {
                do { return try await operation() } catch { throw Down() }
            }
        }
        try await operation.waitForCalls(1)
        call.cancel()
        await #expect(throws: Down()) { try await call.value }
        #expect(fallback.totals.cancelled == 1)
    }

    @Test("X-24: cancelled while a step runs: no further step, and the step has not failed")
    func cancelledInStep() async throws {
        let clock = ManualClock()
        for timeout in [nil, Duration.seconds(5)] {
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            let fallback = try Fallback<Int>("f", clock: clock) {
                .step("slow", limit: 1, timeout: timeout) { _ in try await operation() }
                    .value(1)
            }
            let call = Task { try await fallback.execute { throw Down() } }
            try await operation.waitForCalls(1)
            #expect(fallback.running(in: "slow") == 1)
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            let totals = fallback.totals
            #expect(totals.cancelled == 1)
            #expect(totals.calls == 1)
            #expect(totals.steps["slow"]?.cancelled == 1)
            #expect(totals.steps["slow"]?.calls == 1)
            #expect(totals.steps["value"]?.calls == 0)
            #expect(fallback.running(in: "slow") == 0)
        }
    }

    @Test("a step that answers although the caller has cancelled is a late success")
    func lateStep() async throws {
        let operation = ScriptedOperation<Int>(clock: ManualClock(), [.hangIgnoringCancellation])
        let fallback = try Fallback<Int>("f") { .step("s") { _ in try await operation() } }
        let call = Task { try await fallback.execute { throw Down() } }
        try await operation.waitForCalls(1)
        call.cancel()
        operation.release(with: .success(4))
        #expect(try await call.value == 4)
        #expect(fallback.totals.served == 1)
    }

    @Test("a step that throws CancellationError by itself has failed, and the next is tried")
    func stepThrowsCancellation() async throws {
        let fallback = try Fallback<Int>("f") {
            .step("s") { _ in throw CancellationError() }
                .value(2)
        }
        #expect(try await fallback.execute { throw Down() } == 2)
        #expect(fallback.totals.steps["s"]?.failed == 1)
    }

    @Test("a call cut off by a deadline around it has failed: what takes no time answers, actions are not begun")
    func pastDeadline() async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let fallback = try Fallback<Int>("f", clock: clock, observers: [recorder]) {
            .step("replica") { _ in 1 }
                .lastGood(maxAge: .seconds(60))
                .value(3)
        }
        let outer = try Policy("outer", clock: clock) { Timeout.layer(.seconds(1)) }
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        fallback.remember(2)
        let call = Task {
            try await outer.execute { context in
                try await fallback.execute(within: context) { try await operation() }
            }
        }
        try await operation.waitForCalls(1)
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(1))
        #expect(try await call.value == 2)
        #expect(fallback.totals.served == 1)
        #expect(fallback.totals.steps["replica"]?.skipped == 1)
        #expect(
            recorder.events.first?.description
                == "fallback \"f\": step \"replica\" was not begun because the deadline has passed")
    }

    // MARK: Values that are not accepted

    @Test("a value that is not accepted is a failure that the fallback serves")
    func unaccepted() async throws {
        let seen = Log<Bool>()
        let fallback = try Fallback<Int>("f") {
            .step("s") { error in
                seen.append(error is UnacceptedResultError)
                return 5
            }
        }
        #expect(try await fallback.execute(accepting: { $0 > 0 }) { -1 } == 5)
        #expect(try await fallback.execute(accepting: { $0 > 0 }) { _ in -1 } == 5)
        #expect(seen.elements == [true, true])
        let policy = try Policy("p") { Through() }.accepting(Int.self) { $0 > 0 }
        #expect(try await policy.fallback(to: fallback).execute { -1 } == 5)
        #expect(fallback.totals.served == 3)
    }

    @Test("if no step serves it, it is returned, also where errors are attached", arguments: [true, false])
    func unacceptedReturned(isAttached: Bool) async throws {
        let fallback = try Fallback<Int>(
            "f", .init(exhaustion: isAttached ? .exhaustedError : .originalError) { .step("s") { _ in throw Down() } })
        #expect(try await fallback.execute(accepting: { $0 > 0 }) { -1 } == -1)
        let execution = await fallback.run(accepting: { $0 > 0 }) { -1 }
        #expect(execution.value == -1)
        #expect(!execution.isAccepted)
        #expect(!execution.isServedByFallback)
        #expect(fallback.totals.exhausted == 2)
        let narrow = try Fallback<Int>("f", .init(handles: .init { $0 is Down }) { .value(1) })
        #expect(try await narrow.execute(accepting: { $0 > 0 }) { -1 } == -1)
        #expect(narrow.totals.unhandled == 1)
    }

    @Test("what a step answers is not judged, and an unaccepted value is not kept as a good one")
    func stepsAreNotJudged() async throws {
        let fallback = try Fallback<Int>("f") {
            .lastGood(maxAge: .seconds(1))
                .value(-9)
        }
        #expect(try await fallback.execute(accepting: { $0 > 0 }) { -1 } == -9)
        #expect(fallback.lastGood == nil)
    }
}
