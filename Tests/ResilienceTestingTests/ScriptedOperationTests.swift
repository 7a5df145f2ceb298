import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct ScriptedOperationTests {
    let clock = ManualClock()
    let first = InjectedFailure("first")

    private func outcome(_ operation: ScriptedOperation<Int>) async -> String {
        do { return "\(try await operation())" } catch { return "\(error)" }
    }

    private func outcomes(_ count: Int, of operation: ScriptedOperation<Int>) async -> [String] {
        var outcomes: [String] = []
        for _ in 0..<count { outcomes.append(await outcome(operation)) }
        return outcomes
    }

    @Test("an operation takes one step a call, and repeats the last")
    func steps() async {
        let operation = ScriptedOperation(clock: clock, [.success(1), .failure(first), .success(2)])
        let outcomes = await outcomes(5, of: operation)
        #expect(outcomes == ["1", "injected failure \"first\"", "2", "2", "2"])
        #expect(operation.calls == 5 && operation.running == 0 && operation.cancelled == 0)
    }

    @Test("a script starts over at its end where asked to")
    func startingOver() async {
        let operation = ScriptedOperation(clock: clock, [.success(1), .success(2)], atEnd: .repeatAll)
        let outcomes = await outcomes(5, of: operation)
        #expect(outcomes == ["1", "2", "1", "2", "1"])
    }

    @Test("a call after the last step fails where asked to")
    func failing() async {
        let operation = ScriptedOperation(clock: clock, [.success(1)], atEnd: .fail)
        let outcomes = await outcomes(3, of: operation)
        #expect(outcomes == ["1", "call 2 finds no step in a script of 1", "call 3 finds no step in a script of 1"])
        #expect(operation.calls == 3 && operation.running == 0)
        await #expect(throws: ScriptExhaustedError(steps: 1, call: 4)) { try await operation() }
    }

    @Test("an empty script has no step", arguments: [ScriptEnd.repeatLast, .repeatAll, .fail])
    func empty(atEnd: ScriptEnd) async {
        let operation = ScriptedOperation<Int>(clock: clock, [], atEnd: atEnd)
        await #expect(throws: ScriptExhaustedError(steps: 0, call: 1)) { try await operation() }
        #expect(operation.calls == 1 && operation.running == 0)
    }

    @Test("a delay passes on the clock")
    func delay() async throws {
        let operation = ScriptedOperation(
            clock: clock, [.success(1, after: .seconds(2)), .failure(first, after: .seconds(3))])
        let success = Task { await outcome(operation) }
        try await operation.waitForCalls(1)
        #expect(operation.running == 1)
        clock.advance(by: .seconds(2))
        #expect(await success.value == "1")
        let failure = Task { await outcome(operation) }
        try await operation.waitForCalls(2)
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(2))
        #expect(operation.running == 1)
        clock.advance(by: .seconds(1))
        #expect(await failure.value == "injected failure \"first\"")
        #expect(operation.calls == 2 && operation.running == 0 && clock.sleeperCount == 0)
    }

    @Test("the delay counts from before the call is announced")
    func announcement() {
        let operation = ScriptedOperation(clock: clock, [.success(1, after: .seconds(2))])
        let executor = SteppingExecutor()
        let log = Log<Int>()
        Task(executorPreference: executor) { try await operation.waitForCalls(1) }
        executor.drain()
        Task(executorPreference: executor) { log.append(try await operation()) }
        executor.interruptNextEnqueue { [clock] in clock.advance(by: .seconds(2)) }
        executor.drain()
        #expect(log.elements == [1])
    }

    @Test("advancing after `waitForCalls` always covers the delay")
    func advancing() async throws {
        let operation = ScriptedOperation(clock: clock, [.success(1, after: .seconds(2))])
        for number in 1...500 {
            let call = Task { try await operation() }
            try await operation.waitForCalls(number)
            clock.advance(by: .seconds(2))
            #expect(try await call.value == 1)
        }
    }

    @Test("a delay is cut short by cancellation")
    func cancelledDelay() async throws {
        let operation = ScriptedOperation(clock: clock, [.success(1, after: .seconds(2))])
        let call = Task { try await operation() }
        try await operation.waitForCalls(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(operation.cancelled == 1 && operation.running == 0 && clock.sleeperCount == 0)
    }

    @Test("without a delay cancellation has no effect")
    func noDelay() async throws {
        let operation = ScriptedOperation(
            clock: clock, [.success(1), .success(2, after: .seconds(-1)), .failure(CancellationError())])
        let call = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await outcomes(3, of: operation)
        }
        #expect(await call.value == ["1", "2", "CancellationError()"])
        #expect(operation.cancelled == 0)
    }

    @Test("a step hangs until cancelled")
    func cancellation() async throws {
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task { try await operation() }
        try await operation.waitForCalls(1)
        clock.advance(by: .seconds(1_000_000))
        #expect(operation.running == 1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(operation.cancelled == 1 && operation.running == 0)
        #expect(operation.release(with: .success(1)) == 0)
    }

    @Test("a step hangs until released")
    func release() async throws {
        let operation = ScriptedOperation<Int>(clock: clock, [.hang, .hangIgnoringCancellation])
        let calls = [Task { await outcome(operation) }, Task { await outcome(operation) }]
        try await operation.waitForCalls(2)
        #expect(operation.running == 2)
        #expect(operation.release(with: .failure(first)) == 2)
        #expect(operation.release(with: .success(1)) == 0)
        for call in calls { #expect(await call.value == "injected failure \"first\"") }
        #expect(operation.running == 0 && operation.cancelled == 0)
    }

    @Test("a release that has begun is not undone by cancelling")
    func releasedFirst() {
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let executor = SteppingExecutor()
        let log = Log<String>()
        let calls = (0..<2).map { _ in
            Task(executorPreference: executor) { log.append(await outcome(operation)) }
        }
        executor.drain()
        // The first call has been woken and the second has not when both are cancelled.
        executor.interruptNextEnqueue { for call in calls { call.cancel() } }
        #expect(operation.release(with: .success(7)) == 2)
        executor.drain()
        #expect(log.elements == ["7", "7"])
        #expect(operation.cancelled == 0 && operation.running == 0)
    }

    @Test("a step may ignore cancellation until released")
    func ignoring() async throws {
        let operation = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let call = Task { try await operation() }
        try await operation.waitForCalls(1)
        call.cancel()
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await operation()
        }
        try await operation.waitForCalls(2)
        #expect(operation.running == 2)
        #expect(operation.release(with: .success(7)) == 2)
        #expect(try await call.value == 7)
        #expect(try await late.value == 7)
        #expect(operation.cancelled == 0 && operation.running == 0)
    }

    @Test("an operation runs on the caller's actor")
    func actor() async throws {
        actor Caller {
            func call(_ operation: ScriptedOperation<Int>) async throws -> Int {
                let value = try await operation()
                preconditionIsolated()
                return value
            }
        }
        let operation = ScriptedOperation(clock: clock, [.success(1)])
        #expect(try await Caller().call(operation) == 1)
    }

    @Test("waiting for calls ends on cancellation")
    func cancelledWaiting() async {
        let operation = ScriptedOperation(clock: clock, [.success(1)])
        let waiter = Task { try await operation.waitForCalls(1) }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
    }

    @Test("hanging calls end once under contention")
    func contention() async throws {
        let count = 1_000
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let calls = (0..<count).map { _ in Task { try await operation() } }
        try await operation.waitForCalls(count)
        let released = Log<Int>()
        await withTaskGroup { group in
            group.addTask { for call in calls.prefix(count / 2) { call.cancel() } }
            group.addTask { released.append(operation.release(with: .success(1))) }
        }
        var values = 0
        for call in calls { values += (try? await call.value) ?? 0 }
        #expect(released.elements == [values])
        #expect(operation.cancelled == count - values)
        #expect(operation.calls == count && operation.running == 0)
    }
}
