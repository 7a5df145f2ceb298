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
        let error = await #expect(throws: Timeout.Exceeded.self) { try await call.value }
        #expect(error?.limit == .seconds(2))
        #expect(error?.timeout == "p")
        #expect(policy.abandoned == 1)
        #expect(policy.abandonedRunning == 1)
        #expect(recorder.names == ["timeout.abandoned"])
        stubborn.release(with: .success(1))
        try await recorder.waitForEvents(2)
        #expect(recorder.names == ["timeout.abandoned", "timeout.abandoned_ended"])
        #expect(policy.abandonedRunning == 0)
        #expect(policy.abandoned == 1)
        let breaker = try #require(policy.policy.circuitBreakers.first)
        #expect(breaker.totals.failures == 1, "a late value is no success to the layers")
        #expect(breaker.totals.successes == 0)
    }

    @Test("work that listens to its cancellation at the limit is a failure to a breaker inside, not a cancellation")
    func listens() async throws {
        let policy = try abandoning()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await policy.execute { try await operation() } }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2))
        await #expect(throws: Timeout.Exceeded.self) { try await call.value }
        try await recorder.waitForEvents(2)
        let breaker = try #require(policy.policy.circuitBreakers.first)
        #expect(breaker.totals.failures == 1)
        #expect(breaker.totals.cancelled == 0)
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

    @Test("the caller's cancellation reaches the work")
    func cancelled() async throws {
        let policy = try abandoning()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await policy.execute { try await operation() } }
        try await operation.waitForCalls(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(operation.cancelled == 1)
        #expect(policy.abandoned == 0)
    }

    @Test("a limit that cannot work is a configuration error")
    func badLimit() throws {
        let policy = try Policy("p") { Timeout.layer(.seconds(1)) }
        #expect(throws: ConfigurationError.self) { try policy.abandoning(after: .zero) }
    }
}
