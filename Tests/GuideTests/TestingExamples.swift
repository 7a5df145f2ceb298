import CircuitBreakers
import ResilienceCore
import ResilienceStoreTesting
import ResilienceTesting
import Retries
import Testing

@Suite("Guides/Testing.md")
struct TestingExamples {
    @Test("from top to bottom")
    func guide() async throws {
        let clock = ManualClock()
        let policy = try Policy("payments", clock: clock) {
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(2), breakLength: .fixed(.seconds(30))))
        }
        let breaker = try #require(policy.circuitBreakers.first)

        breaker.open()
        clock.advance(by: .seconds(30) - .nanoseconds(1))
        #expect(breaker.state == .open)
        clock.advance(by: .nanoseconds(1))
        #expect(breaker.state == .halfOpen)

        breaker.close()
        let sleeper = Task {
            try await clock.sleep(for: .seconds(60))
            return "awake"
        }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(60))
        #expect(try await sleeper.value == "awake")

        let executor = SteppingExecutor()
        let retrying = try Policy("retrying", clock: clock) { Retry.layer(.constant(.seconds(1)), maxAttempts: 2) }
        let log = EventRecorder()
        retrying.addObserver(log)
        let call = Task(executorPreference: executor) {
            _ = await retrying.run { throw InjectedFailure() } as Execution<Int>
        }
        executor.drain()  // until the call waits for its second attempt
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(1))
        executor.drain()  // until it has ended
        #expect(log.names.last == "policy.failed")
        await call.value

        let heartbeat = Task(executorPreference: executor) {
            while true { try await clock.sleep(for: .seconds(10)) }
        }
        let again = Task(executorPreference: executor) {
            await retrying.run { throw InjectedFailure() } as Execution<Int>
        }
        clock.advance(by: .seconds(60), running: executor)
        heartbeat.cancel()
        #expect(await again.value.duration == .seconds(1))

        let quote = ScriptedOperation(
            clock: clock,
            [.failure(InjectedFailure("down")), .success(1, after: .seconds(3)), .hang]
        )

        let failed = await policy.run { try await quote() }
        #expect(failed.value == nil)

        let slow = Task { try await policy.execute { try await quote() } }
        try await quote.waitForCalls(2)
        clock.advance(by: .seconds(3))
        #expect(try await slow.value == 1)

        let hanging = Task { try await policy.execute { try await quote() } }
        try await quote.waitForCalls(3)
        hanging.cancel()
        await #expect(throws: CancellationError.self) { try await hanging.value }
        #expect(quote.cancelled == 1)

        let recorder = EventRecorder()
        policy.addObserver(recorder)
        _ = try await policy.execute { 1 }
        breaker.open()
        #expect(recorder.names == ["circuit_breaker.called", "policy.succeeded", "circuit_breaker.transition"])
        let transitions = recorder.events(of: CircuitBreaker.Event.self)
        #expect(transitions.count == 2)

        let jittered = try CircuitBreaker(
            "jittered", .init(breakLength: .growing(from: .seconds(10), jitter: .ratio(0.1))), clock: clock,
            random: .constant(1)
        )
        jittered.open()
        #expect(jittered.remainingBreak == .seconds(11))

        let store = InMemoryCircuitStore(clock: clock)
        let violations = await CircuitStoreConformance(store) { clock.advance(by: $0) }.violations()
        #expect(violations.isEmpty)
    }
}
