import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// Cancellation is neither retried nor counted as a failure.
@Suite("Retry: cancellation", .timeLimit(.minutes(30)))
struct CancellationTests {
    private func cancelSelf() { withUnsafeCurrentTask { $0?.cancel() } }

    @Test("PO-28: cancelled before the call, the operation does not run")
    func before() async throws {
        let stage = try Stage(Configuration())
        let calls = Count()
        let task = Task {
            cancelSelf()
            try await stage.retry.execute { _ = calls.increment() }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(calls.value == 0 && stage.retry.totals.cancelled == 1 && stage.retry.totals.calls == 1)
    }

    @Test("PO-29: cancelled during a call whose value is not accepted, which would be retried")
    func unacceptedValue() async throws {
        let stage = try Stage(Configuration(backoff: .immediate))
        let calls = Count()
        let task = Task {
            try await stage.retry.execute(accepting: { $0 == 0 }) {
                cancelSelf()
                return calls.increment()
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        // Elsewhere a retry is announced that then does not happen; here it is reported as given up.
        #expect(calls.value == 1 && stage.reasons == [.cancelled])
    }

    @Test("PO-30: cancelled during a call whose value is accepted, or would not be retried")
    func acceptedValue() async throws {
        for configuration in [Configuration(), Configuration(maxAttempts: 1), Configuration(handles: .none)] {
            let isAccepted = configuration.maxAttempts == 3 && configuration.handles.handles(failure)
            let retry = try Retry("test", configuration)
            let task = Task {
                try await retry.execute(accepting: { _ in isAccepted }) {
                    cancelSelf()
                    return 7
                }
            }
            #expect(try await task.value == 7)
            #expect(retry.totals.calls == 1 && retry.totals.retries == 0)
        }
    }

    @Test("PO-31: cancelled by an observer, before the delay", arguments: [Duration.zero, .seconds(1)])
    func inTheHook(delay: Duration) async throws {
        struct Canceller: PolicyObserver {
            func observe(_ event: some PolicyEvent) {
                if event.name == "retry.attempt_failed" { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        let stage = try Stage(Configuration(backoff: .constant(delay)))
        stage.retry.addObserver(Canceller())
        let task = Task { await stage.retry.run { throw failure } }
        let execution = await task.value
        #expect(execution.attempts == 1)
        #expect(throws: CancellationError.self) { try execution.get() }
        #expect(stage.retry.totals.cancelled == 1 && stage.retry.totals.retries == 0)
        #expect(stage.recorder.names == ["retry.attempt_failed", "retry.gave_up"])
    }

    @Test("PO-31, FS-34: cancelled during the delay, the call ends at once")
    func duringTheDelay() async throws {
        let budget = try RetryBudget(.quota(14))
        let stage = try Stage(Configuration(backoff: .constant(.seconds(1)), budget: budget))
        let task = Task { await stage.retry.run { throw failure } }
        try await stage.clock.waitForSleepers(1)
        task.cancel()
        let execution = await task.value
        #expect(throws: CancellationError.self) { try execution.get() }
        #expect(execution.attempts == 1 && stage.clock.sleeperCount == 0)
        #expect(stage.retry.totals.cancelled == 1 && stage.reasons == [.cancelled])
        #expect(budget.balance == 14)
    }

    @Test("FS-33: cancelled during a call of 1 s, which is not retried")
    func duringTheCall() async throws {
        let stage = try Stage(Configuration(backoff: .immediate))
        let operation = ScriptedOperation<Int>(clock: stage.clock, [.success(1, after: .seconds(1))])
        let task = Task { try await stage.retry.execute { try await operation() } }
        try await operation.waitForCalls(1)
        stage.clock.advance(by: .milliseconds(100))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(operation.calls == 1 && stage.retry.totals.cancelled == 1)
    }

    @Test("FS-33: a call that is ended by its deadline has failed, and is not retried")
    func byTheDeadline() async throws {
        let stage = try Stage(Configuration(backoff: .immediate))
        var context = stage.retry.rootContext
        context.deadline = stage.retry.time.now.advanced(by: .milliseconds(100))
        await #expect(throws: CancellationError.self) {
            try await stage.retry.execute(context) { _ in
                stage.clock.advance(by: .milliseconds(100))
                throw CancellationError()
            }
        }
        #expect(stage.reasons == [.deadline] && stage.retry.totals.failedWithoutRetry == 1)
    }

    @Test("a client's own CancellationError is retried; no error of a cancelled task is")
    func errors() async throws {
        let stage = try Stage(Configuration(backoff: .immediate, handles: .init { _ in true }))
        #expect(try await stage.run([CancellationError()]).value == 2)
        #expect(stage.retry.totals.succeededWithRetry == 1 && stage.retry.totals.retries == 1)
        let task = Task {
            await stage.retry.run {
                cancelSelf()
                throw InjectedFailure("the client's own word for cancelled")
            }
        }
        let execution = await task.value
        #expect(throws: InjectedFailure.self) { try execution.get() }
        #expect(execution.attempts == 1)
        #expect(stage.retry.totals.cancelled == 1 && stage.retry.totals.retries == 1)
        #expect(stage.reasons == [.cancelled] && stage.events.last?.severity == .debug)
    }
}
