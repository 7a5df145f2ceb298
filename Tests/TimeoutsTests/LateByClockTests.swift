import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing
import Timeouts

/// What is late is late by the clock, also where the timer has not fired yet; and what was refused inside was refused.
@Suite("Timeout: late ends")
struct LateByClockTests {
    let clock = ClockWithoutTimers()

    @Test("an operation that throws once its deadline has passed has exceeded the limit, timer or not")
    func lateError() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        let error = await #expect(throws: Timeout.ExceededError.self) {
            try await timeout.execute { context in
                while !context.isPastDeadline { clock.base.advance(by: .milliseconds(700)) }
                throw InjectedFailure("late")
            }
        }
        #expect(error?.underlying as? InjectedFailure == InjectedFailure("late"))
        await #expect(throws: InjectedFailure("in time")) {
            try await timeout.execute {
                clock.base.advance(by: .seconds(2) - .nanoseconds(1))
                throw InjectedFailure("in time")
            }
        }
        #expect(timeout.totals.exceeded == 1 && timeout.totals.failed == 1)
    }

    @Test("a value that comes after the deadline is late, timer or not")
    func lateValue() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        try await timeout.execute { clock.base.advance(by: .seconds(2)) }
        try await timeout.execute { clock.base.advance(by: .seconds(2) - .nanoseconds(1)) }
        #expect(timeout.totals.late == 1 && timeout.totals.succeeded == 1)
    }

    @Test("work of an abandoning policy that fails after the limit has exceeded it, timer or not")
    func abandoned() async throws {
        let policy = try Policy("p", clock: clock) { CircuitBreaker.layer() }.abandoning(after: .seconds(2))
        let error = await #expect(throws: Timeout.ExceededError.self) {
            try await policy.execute {
                clock.base.advance(by: .seconds(2))
                throw InjectedFailure("late")
            }
        }
        #expect(error?.underlying as? InjectedFailure == InjectedFailure("late"))
        #expect(policy.abandoned == 0)
    }

    @Test("a layer's rejection passes unchanged, also when the limit has been reached", arguments: [false, true])
    func rejection(isWrapped: Bool) async throws {
        let manual = ManualClock()
        let timeout = try Timeout(.seconds(2), clock: manual)
        let breaker = try CircuitBreaker("b", clock: manual)
        breaker.open()
        @Sendable func call() async throws {
            manual.advance(by: .seconds(2))
            try await breaker.execute {}
        }
        if isWrapped {
            await #expect(throws: Wrapper.self) {
                try await timeout.execute { do { try await call() } catch { throw Wrapper(wrappedError: error) } }
            }
        } else {
            await #expect(throws: CircuitBreaker.OpenError.self) { try await timeout.execute { try await call() } }
        }
        #expect(timeout.totals.rejectedInside == 1 && timeout.totals.calls == 1)
    }

    @Test("a call for which no time is left is a rejection, and no failure of the service")
    func noTimeLeft() async throws {
        let manual = ManualClock()
        let outer = try Timeout(.seconds(2), clock: manual)
        let rest = try Timeout("rest", .remaining, clock: manual)
        let error = await #expect(throws: Timeout.NoTimeLeftError.self) {
            try await outer.execute {
                manual.advance(by: .seconds(2))
                try await rest.execute { _ = Issue.record("the operation ran") }
            }
        }
        #expect(error?.policyName == "rest" && error?.reason == "no time is left" && error?.retryAfter == nil)
        #expect(rest.totals.rejected == 1 && outer.totals.rejectedInside == 1)

        let policy = try Policy("p", clock: manual) {
            CircuitBreaker.layer()
            Timeout.layer(.custom { _ in .zero })
        }
        await #expect(throws: Timeout.NoTimeLeftError.self) { try await policy.execute {} }
        #expect(policy.circuitBreakers.first?.totals.failed == 0)
    }

    @Test("a cancellation that nothing around asked for is a failure of the call")
    func foreignCancellation() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        await #expect(throws: CancellationError.self) { try await timeout.execute { throw CancellationError() } }
        #expect(timeout.totals.failed == 1 && timeout.totals.cancelled == 0)
    }
}

private struct Wrapper: ErrorWrapper {
    let wrappedError: any Error
}

/// A clock whose timers come too late: never.
struct ClockWithoutTimers: TimerClock {
    struct Timer: ScheduledTimer {
        func cancel() {}
    }

    let base = ManualClock()

    var now: ManualClock.Instant { base.now }
    var minimumResolution: Duration { base.minimumResolution }

    func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {
        try await base.sleep(until: deadline, tolerance: tolerance)
    }

    func schedule(at instant: ManualClock.Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        Timer()
    }
}
