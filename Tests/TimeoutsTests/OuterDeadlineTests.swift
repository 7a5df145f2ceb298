import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing
import Timeouts

/// A policy that is used inside another's operation, and is not handed its context.
@Suite("The deadline of a call around a call")
struct OuterDeadlineTests {
    let clock = ManualClock()

    private func breaking() throws -> (Policy, CircuitBreaker) {
        let inner = try Policy("inner", clock: clock) { CircuitBreaker.layer() }
        return (inner, try #require(inner.circuitBreakers.first))
    }

    @Test("a breaker inside counts a call that an outer limit cut off as a failure, and not as cancelled")
    func cutOff() async throws {
        let (inner, breaker) = try breaking()
        let timeout = try Timeout(.seconds(2), clock: clock)
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await timeout.execute { try await inner.execute { try await operation() } } }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2))
        await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        #expect(breaker.totals.failed == 1 && breaker.totals.cancelled == 0)
    }

    @Test("the same under an abandoning policy, in a child of the operation, and by a permit that knows no context")
    func cutOffElsewhere() async throws {
        let (inner, breaker) = try breaking()
        let timeout = try Policy("outer", clock: clock) { Timeout.layer(.seconds(60)) }.abandoning(after: .seconds(2))
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let (ended, hasEnded) = AsyncStream.makeStream(of: CallEnd.self)
        let call = Task {
            try await timeout.execute {
                async let child = inner.execute { try await operation() }
                do {
                    return try await child
                } catch {
                    hasEnded.yield(CallEnd(error))
                    hasEnded.finish()
                    throw error
                }
            }
        }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(2))
        await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        for await end in ended { #expect(end == .expired) }
        #expect(breaker.totals.failed == 1 && breaker.totals.cancelled == 0)
    }

    @Test("tasks that begin one another from within their calls do not hold the limits before, and obey one that holds")
    func stringTogether() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        let limits = WeakObjects()
        try await stringOfCalls(200) { operation in
            try await timeout.execute {
                limits.note(CallLimit.current)
                try await operation()
            }
        }
        #expect((1...20).contains(limits.mostAlive), "\(limits.mostAlive)")
        // Left behind by an inner call, and within the outer one still.
        let remaining = try await Timeout(.seconds(1), clock: clock).execute {
            let gate = Waiter<Void>()
            let task = try await timeout.execute {
                Task {
                    try await gate.value()
                    return CallLimit.current.map { ObjectIdentifier($0) }
                }
            }
            gate.finish()
            let outer = CallLimit.current.map { ObjectIdentifier($0) }
            return try await (task.value, outer)
        }
        #expect(remaining.0 != nil && remaining.0 == remaining.1)
    }

    @Test("the caller's own cancellation stays that, before the outer limit")
    func cancelled() async throws {
        let (inner, breaker) = try breaking()
        let timeout = try Timeout(.seconds(2), clock: clock)
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await timeout.execute { try await inner.execute { try await operation() } } }
        try await operation.waitForCalls(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(breaker.totals.failed == 0 && breaker.totals.cancelled == 1)
    }

    @Test("the earliest of all limits around counts, in every order", arguments: [[2, 3, 5], [5, 3, 2], [3, 2, 5]])
    func earliest(limits: [Int]) async throws {
        let timeouts = try limits.map { try Timeout(.seconds($0), clock: clock) }
        let remaining = try Timeout(.remaining, clock: clock)
        try await timeouts[0].execute {
            try await timeouts[1].execute {
                try await timeouts[2].execute {
                    clock.advance(by: .seconds(1))
                    try await remaining.execute { context in
                        #expect(context.remaining == .seconds(1))
                        #expect(!context.isPastDeadline)
                    }
                }
            }
        }
        try await remaining.execute { context in #expect(context.deadline == nil) }
    }

    @Test("the deadline is translated to the clock of the policy inside")
    func otherClock() async throws {
        let otherClock = ManualClock()
        otherClock.advance(by: .seconds(1_000))
        let timeout = try Timeout(.seconds(2), clock: clock)
        let other = try Timeout(.remaining, clock: otherClock)
        try await timeout.execute {
            clock.advance(by: .seconds(1))
            try await other.execute { context in
                #expect(context.remaining == .seconds(1))
                otherClock.advance(by: .milliseconds(999))
                #expect(!context.isPastDeadline)
            }
        }
    }

    @Test("a task that outlives the call is not bound by its deadline, nor is what is begun without it")
    func outliving() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        let remaining = try Timeout(.remaining, clock: clock)
        let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
        let (over, isOver) = AsyncStream.makeStream(of: Void.self)
        let (outliving, apart) = try await timeout.execute {
            let outliving = Task {
                #expect(remaining.rootContext.remaining == .seconds(2))
                hasBegun.finish()
                for await _ in over {}
                return remaining.rootContext.remaining
            }
            let apart = withoutOuterDeadline { Task { remaining.rootContext.remaining } }
            #expect(await apart.value == nil)
            for await _ in begun {}
            return (outliving, apart)
        }
        isOver.finish()
        #expect(await outliving.value == nil)
        #expect(await apart.value == nil)
        #expect(remaining.rootContext.deadline == nil)
    }

    @Test("a deadline of one's own is not lengthened by what is set, and holds along with the outer one")
    func set() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        try await timeout.execute {
            var context = Context(name: "c", time: TimeSource(clock))
            #expect(context.remaining == .seconds(2))
            context.deadline = context.time.now.advanced(by: .seconds(9))
            #expect(context.remaining == .seconds(2))
            context.shortenDeadline(to: context.time.now.advanced(by: .seconds(1)), on: context.time)
            #expect(context.remaining == .seconds(1))
            context.deadline = nil
            #expect(context.remaining == .seconds(2))
            clock.advance(by: .seconds(2))
            #expect(context.isPastDeadline && context.remaining == .zero)
        }
    }
}
