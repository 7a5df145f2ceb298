import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing
import Timeouts

@Suite("AbandoningPolicy")
struct AbandoningPolicyTests {
    let clock = ManualClock()
    let recorder = EventRecorder()

    private func abandoning() throws -> AbandoningPolicy {
        try Policy("p", clock: clock) {
            CircuitBreaker.layer()
            Timeout.layer(.seconds(60))
        }
        .abandoning(after: .seconds(2), observers: [recorder])
    }

    @Test("X-18: returns at the limit although the work goes on, and counts what still runs")
    func abandons() async throws {
        let policy = try abandoning()
        let stubborn = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let call = Task { try await policy.execute { try await stubborn() } }
        try await stubborn.waitForCalls(1)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        #expect(error?.limit == .seconds(2))
        #expect(error?.policyName == "p")
        #expect(policy.abandoned == 1)
        #expect(policy.abandonedRunning == 1)
        #expect(recorder.names == ["timeout.abandoned"])
        stubborn.release(with: .success(1))
        try await recorder.waitForEvents(2)
        #expect(recorder.names == ["timeout.abandoned", "timeout.abandoned_ended"])
        #expect(policy.abandonedRunning == 0)
        #expect(policy.abandoned == 1)
        let breaker = try #require(policy.policy.circuitBreakers.first)
        #expect(breaker.totals.failed == 1, "a late value is no success to the layers")
        #expect(breaker.totals.succeeded == 0)
    }

    @Test("work that listens to its cancellation at the limit is a failure to a breaker inside, not a cancellation")
    func listens() async throws {
        let policy = try abandoning()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await policy.execute { try await operation() } }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2))
        await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        try await recorder.waitForEvents(2)
        let breaker = try #require(policy.policy.circuitBreakers.first)
        #expect(breaker.totals.failed == 1)
        #expect(breaker.totals.cancelled == 0)
    }

    @Test("a caller that cancels is told so at once, whatever the call waits for", arguments: 0..<5)
    func cancelledWhileWaiting(way: Int) async throws {
        let entered = Waiter<Void>()
        let never = Waiter<Void>()
        let stubborn = Waits { [clock] in
            entered.finish()
            // Some of what waits listens, some does not.
            if way == 0 { try await never.value() } else { try await clock.sleep(for: .seconds(3_600)) }
        }
        let plain = try Policy("p", clock: clock) {
            stubborn
            CircuitBreaker.layer()
        }
        let abandoning = try plain.abandoning(after: .seconds(60))
        let outer = try Policy("outer", clock: clock) { Timeout.layer(.seconds(600)) }
        let call = Task { () async throws -> Int in
            switch way {
            case 1: return try await abandoning.run { 1 }.result.get()
            case 2: return try await outer.execute { try await abandoning.execute { 1 } }
            case 3:
                async let child = abandoning.execute { 1 }
                return try await child
            default: return try await abandoning.execute { 1 }
            }
        }
        try await entered.value()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(abandoning.abandoned == 1)
        never.finish()
    }

    @Test("work that ends in time decides the call; no timer is left")
    func inTime() async throws {
        let policy = try abandoning()
        #expect(try await policy.execute { 7 } == 7)
        let remaining = try await policy.execute { context in context.remaining }
        #expect(remaining == .seconds(2))
        await #expect(throws: InjectedFailure("own")) { try await policy.execute { throw InjectedFailure("own") } }
        clock.advance(by: .seconds(10))
        #expect(policy.abandoned == 0)
        #expect(recorder.events.isEmpty)
    }

    @Test("a caller that cancels does not wait; the work is cancelled, and counted as long as it runs on")
    func cancelled() async throws {
        let policy = try abandoning()
        let stubborn = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let wasCancelled = Lock(false)
        let call = Task {
            try await policy.execute {
                try await withTaskCancellationHandler {
                    try await stubborn()
                } onCancel: {
                    wasCancelled.withLock { $0 = true }
                }
            }
        }
        try await stubborn.waitForCalls(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(wasCancelled.withLock { $0 })
        #expect(policy.abandoned == 1)
        #expect(policy.abandonedRunning == 1)
        #expect(clock.timerCount == 1, "that of the timeout inside")
        clock.advance(by: .seconds(10))
        #expect(policy.abandoned == 1, "the limit finds nobody who waits")
        stubborn.release(with: .failure(InjectedFailure("late")))
        try await recorder.waitForEvents(2)
        #expect(recorder.names == ["timeout.abandoned", "timeout.abandoned_ended"])
        #expect(recorder.events.map(\.severity) == [.info, .info])
        #expect(policy.abandonedRunning == 0)
    }

    @Test("work that listens to its caller's cancellation is cancelled to the layers inside, and no failure")
    func cancelledListening() async throws {
        let policy = try abandoning()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await policy.execute { try await operation() } }
        try await operation.waitForCalls(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        try await recorder.waitForEvents(2)
        #expect(operation.cancelled == 1)
        let breaker = try #require(policy.policy.circuitBreakers.first)
        #expect(breaker.totals.cancelled == 1)
        #expect(breaker.totals.failed == 0)
    }

    @Test("for a caller that is cancelled already nothing is begun")
    func cancelledBeforehand() async throws {
        let policy = try abandoning()
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask { try await policy.execute { Issue.record("the operation ran") } }
        }
        #expect(policy.abandoned == 0 && clock.timerCount == 0)
    }

    @Test("run tells of a call that returned, one that failed, and one that was left running")
    func runs() async throws {
        let policy = try abandoning()
        let returned = await policy.run(accepting: { $0 > 7 }) { 7 }
        #expect(returned.value == 7 && !returned.isAccepted)
        #expect(returned.policyName == "p" && returned.attempts == 1)
        let failed = await policy.run { context -> Int in
            #expect(context.remaining == .seconds(2))
            throw InjectedFailure("own")
        }
        #expect(throws: InjectedFailure("own")) { try failed.get() }
        let stubborn = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let call = Task { await policy.run { try await stubborn() } }
        try await stubborn.waitForCalls(1)
        clock.advance(by: .seconds(2))
        let abandoned = await call.value
        #expect(throws: Timeout.ExceededError.self) { try abandoned.get() }
        #expect(abandoned.duration == .seconds(2) && abandoned.attempts == 1)
        stubborn.release(with: .success(1))
    }

    @Test("a limit that cannot work is a configuration error")
    func badLimit() throws {
        let policy = try Policy("p") { Timeout.layer(.seconds(1)) }
        #expect(throws: ConfigurationError.self) { try policy.abandoning(after: .zero) }
    }
}

/// A layer that waits before it goes on.
private struct Waits: Strategy {
    let wait: @Sendable () async throws -> Void

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        try await wait()
        try await next(context)
    }
}
