import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

@testable import Resilience

@Suite("Admission gate", .timeLimit(.minutes(30)))
struct AdmissionGateTests {
    struct Refused: Error {}

    private let gate = AdmissionGate()
    private let clock = ManualClock()
    private var time: TimeSource { TimeSource(clock) }

    private func deadline(_ duration: Duration) -> TimeSource.Instant { time.now.advanced(by: duration) }

    private func admit(_ body: nonisolated(nonsending) () async throws -> Void) async throws {
        try await gate.admit(refusal: { Refused() }, body)
    }

    @Test("a closed gate refuses, and an empty one that closes is waited for no longer")
    func closes() async throws {
        try await admit { #expect(gate.count == 1 && !gate.isClosed) }
        #expect(gate.count == 0)
        gate.close()
        #expect(gate.isClosed)
        await #expect(throws: Refused.self) { try await admit { Issue.record("let in") } }
        #expect(await gate.waitUntilEmpty(until: deadline(.seconds(1)), on: time))
        gate.close()
        #expect(await gate.waitUntilEmpty(until: deadline(.seconds(1)), on: time))
        #expect(clock.timerCount == 0)
    }

    @Test("the error of a call passes, and the call has left")
    func failure() async throws {
        await #expect(throws: InjectedFailure.self) { try await admit { throw InjectedFailure() } }
        #expect(gate.count == 0)
    }

    @Test("a gate that is open is not empty, though no call is in")
    func openIsNotEmpty() async throws {
        async let isEmpty = gate.waitUntilEmpty(until: deadline(.seconds(1)), on: time)
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(1))
        #expect(await !isEmpty)
    }

    @Test("a waiting task learns of the last call, at the deadline of those that stay")
    func waits() async throws {
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await admit { _ = try await operation() } }
        try await operation.waitForCalls(1)
        gate.close()
        async let tooShort = gate.waitUntilEmpty(until: deadline(.seconds(1)), on: time)
        async let longEnough = gate.waitUntilEmpty(until: deadline(.seconds(5)), on: time)
        try await clock.waitForTimers(2)
        clock.advance(by: .seconds(1))
        #expect(await !tooShort)
        operation.release(with: .success(1))
        #expect(await longEnough)
        try await call.value
    }

    @Test("a call within a call is let in after the gate has closed, in its task and in others, and counts with it")
    func nested() async throws {
        try await admit {
            gate.close()
            try await admit { #expect(gate.count == 1) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await admit { #expect(gate.count == 1) }
                }
                try await group.waitForAll()
            }
            let isEmpty = await gate.waitUntilEmpty(until: deadline(.zero), on: time)
            #expect(!isEmpty)
        }
        #expect(await gate.waitUntilEmpty(until: deadline(.zero), on: time))
    }

    @Test("a task that a call left behind is refused once the call has ended and the gate is closed")
    func leftBehind() async throws {
        let go = Waiter<Void>()
        var left: Task<Void, any Error>?
        let other = ScriptedOperation<Int>(clock: clock, [.hang])
        let running = Task { try await admit { _ = try await other() } }
        try await other.waitForCalls(1)
        try await admit {
            left = Task {
                try await go.value()
                try await admit { Issue.record("let in though its call has ended") }
            }
        }
        gate.close()
        go.finish()
        let task = try #require(left)
        await #expect(throws: Refused.self) { try await task.value }
        other.release(with: .success(1))
        try await running.value
    }

    @Test(
        "what a call left behind is refused once that has ended, also in tasks of its own, wherever they lie in memory")
    func leftBehindByChildren() async throws {
        for round in 0..<100 {
            let gate = AdmissionGate()
            let (go, isOver) = (Waiter<Void>(), Waiter<Void>())
            let (admitted, refused) = (Counter(), Counter())
            @Sendable func callLate() async {
                do {
                    try await gate.admit(refusal: { Refused() }) { admitted.add() }
                } catch {
                    refused.add()
                }
            }
            // The storage of the calling task goes with that of this one, and is used again by those that come after.
            await Task {
                async let call: Void? = try? gate.admit(refusal: { Refused() }) {
                    Task {
                        try await go.value()
                        for _ in 0..<20 {
                            async let first: Void = callLate()
                            async let second: Void = Task { await callLate() }.value
                            _ = await (first, second)
                        }
                        isOver.finish()
                    }
                }
                _ = await call
            }.value
            gate.close()
            go.finish()
            try await isOver.value()
            #expect(admitted.value == 0 && refused.value == 40, "round \(round)")
        }
    }

    @Test("a task that was begun within two calls is let in as long as one of them runs")
    func eitherOfTwo() async throws {
        let (go, isIn) = (Waiter<Void>(), Waiter<Void>())
        var left: Task<Void, any Error>?
        try await admit {
            let inner = Task {
                var begun: Task<Void, any Error>?
                try await admit {
                    begun = Task {
                        try await go.value()
                        try await admit { isIn.finish() }
                        // In a call of a task of its own, which is over: what is left is the outermost.
                        try await admit {}
                    }
                }
                return begun
            }
            left = try await inner.value
            gate.close()
            go.finish()
            try await isIn.value()
            try await left?.value
            #expect(gate.count == 1)
        }
        #expect(await gate.waitUntilEmpty(until: deadline(.zero), on: time))
    }

    @Test("calls that each begin the next do not keep those that are over")
    func succession() async throws {
        let gate = AdmissionGate()
        let isOver = Waiter<Void>()
        let calls = WeakCalls()
        @Sendable func call(_ number: Int) {
            Task {
                // The one before may still run, or not.
                try await gate.admit(refusal: { Refused() }) {
                    calls.note(AdmittedCall.innermost)
                    if number > 0 { call(number - 1) }
                }
                if number == 0 { isOver.finish() }
            }
        }
        call(20_000)
        try await isOver.value()
        #expect(calls.mostAlive < 10_000)
        #expect(gate.count == 0)
    }

    @Test("a call in a cancelled task is let in, and finds itself cancelled")
    func cancelledBefore() async throws {
        try await inCancelledTask {
            try await admit {
                #expect(Task.isCancelled && gate.count == 1)
                try await admit { #expect(Task.isCancelled) }
            }
        }
        #expect(gate.count == 0)
    }

    @Test("a call through two gates is within both")
    func twoGates() async throws {
        let other = AdmissionGate()
        try await admit {
            try await other.admit(refusal: { Refused() }) {
                gate.close()
                other.close()
                try await admit { #expect(gate.count == 1 && other.count == 1) }
                try await other.admit(refusal: { Refused() }) { #expect(gate.count == 1 && other.count == 1) }
            }
        }
        #expect(gate.count == 0 && other.count == 0)
    }

    @Test("cancelling reaches the calls that are in, and those that they begin later")
    func cancels() async throws {
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let calls = (0..<20).map { _ in Task { try await admit { _ = try await operation() } } }
        try await operation.waitForCalls(20)
        let (isIn, go) = (Waiter<Void>(), Waiter<Void>())
        let nested = Task {
            try await admit {
                isIn.finish()
                try await go.value()
                await withTaskGroup(of: Bool.self) { group in
                    // Not cancelled with its parent: a child of a task that is not.
                    group.addTask { await Task { (try? await admit { #expect(Task.isCancelled) }) != nil }.value }
                    #expect(await group.next() == true)
                }
            }
        }
        try await isIn.value()
        gate.close()
        #expect(gate.cancelAll() == 21)
        go.finish()
        for call in calls { await #expect(throws: CancellationError.self) { try await call.value } }
        try await nested.value
        #expect(operation.cancelled == 20 && gate.count == 0)
    }

    @Test("under contention every call is let in and waited for, or refused: none is lost")
    func contention() async throws {
        for round in 0..<50 {
            let gate = AdmissionGate()
            let (entered, left, refused) = (Counter(), Counter(), Counter())
            let closing = Task {
                for _ in 0..<(round * 40) { await Task.yield() }
                gate.close()
                #expect(await gate.waitUntilEmpty(until: TimeSource.Instant(nanoseconds: .max), on: time))
                // The gate is empty: those who were let in have left, and nobody comes after.
                return (entered.value, left.value)
            }
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for call in 0..<250 {
                            do {
                                try await gate.admit(refusal: { Refused() }) {
                                    entered.add()
                                    if call % 8 == task { await Task.yield() }
                                    if call % 16 == task { try await gate.admit(refusal: { Refused() }) {} }
                                    left.add()
                                }
                            } catch {
                                refused.add()
                            }
                        }
                    }
                }
            }
            let atEmptiness = await closing.value
            #expect(atEmptiness == (entered.value, left.value), "round \(round)")
            #expect(entered.value == left.value && entered.value + refused.value == 2000, "round \(round)")
            #expect(gate.count == 0)
        }
    }
}

/// A number that any task may add to.
final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    func add(_ number: Int = 1) { count.add(number, ordering: .sequentiallyConsistent) }
}

/// How many of the noted calls were alive at once, looked at now and then.
private final class WeakCalls: Sendable {
    private struct Reference {
        weak var call: AdmittedCall?
    }
    private let state = Lock<(references: [Reference], mostAlive: Int)>(([], 0))
    var mostAlive: Int { state.withLock { $0.mostAlive } }
    func note(_ call: AdmittedCall?) {
        state.withLock { state in
            state.references.append(Reference(call: call))
            guard state.references.count % 1_000 == 0 else { return }
            state.mostAlive = max(state.mostAlive, state.references.count { $0.call != nil })
        }
    }
}

extension AdmissionGate {
    nonisolated(nonsending) func admit(
        refusal: () -> any Error, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        guard try await admit(body) else { throw refusal() }
    }
}
