import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing
import Timeouts

@testable import Fallbacks

/// Calls that find no value share the one that is made.
@Suite("Stale while revalidate: first loads", .timeLimit(.minutes(30)))
struct FirstLoadTests {
    let clock = ManualClock()
    private let settings = StaleWhileRevalidateConfiguration(freshFor: .seconds(5), staleFor: .seconds(60))

    private func make() throws -> KeyedStaleWhileRevalidate<String, Int> {
        try KeyedStaleWhileRevalidate("v", settings, clock: clock)
    }

    /// Begins so many calls of one key, which are sure to wait for the first.
    private func begin(
        _ count: Int, _ values: KeyedStaleWhileRevalidate<String, Int>, _ operation: ScriptedOperation<Int>
    ) async throws -> [Task<Execution<Int>, Never>] {
        var tasks: [Task<Execution<Int>, Never>] = []
        for number in 0..<count {
            // Runs as far as its first suspension, which is the wait.
            tasks.append(Task.immediate { await values.run(for: "a") { try await operation() } })
            if number == 0 { try await operation.waitForCalls(1) }
        }
        return tasks
    }

    @Test("they get one value, or one error; it counts once")
    func shared() async throws {
        for result in [Result<Int, any Error>.success(7), .failure(Down())] {
            let values = try make()
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            let tasks = try await begin(5, values, operation)
            operation.release(with: result)
            for (number, task) in tasks.enumerated() {
                let execution = await task.value
                #expect(execution.value == (try? result.get()))
                #expect(execution.attempts == (number == 0 ? 1 : 0))
            }
            #expect(operation.calls == 1)
            let isLoaded = (try? result.get()) != nil
            #expect(values.totals == .init(loaded: isLoaded ? 1 : 0, joined: 4, failed: isLoaded ? 0 : 1))
            #expect(values.totals.calls == 5)
            #expect(values.keptCount == (isLoaded ? 1 : 0))
        }
    }

    @Test("other keys are called for themselves, and a value that is not accepted goes to all and is not kept")
    func apart() async throws {
        let values = try make()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let tasks = ["a", "b", "a", "b"].map { key in
            Task.immediate { await values.run(for: key, accepting: { $0 > 0 }) { try await operation() } }
        }
        try await operation.waitForCalls(2)
        operation.release(with: .success(-1))
        for task in tasks {
            let execution = await task.value
            #expect(execution.value == -1 && !execution.isAccepted)
        }
        #expect(operation.calls == 2)
        #expect(values.totals == .init(joined: 2, failed: 2))
        #expect(values.keptCount == 0)
    }

    @Test("a caller that is cancelled leaves at once, and the others get the value", arguments: 0..<3)
    func oneLeaves(leaver: Int) async throws {
        let values = try make()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let tasks = try await begin(3, values, operation)
        tasks[leaver].cancel()
        let left = await tasks[leaver].value
        #expect(throws: CancellationError.self) { try left.get() }
        #expect(operation.cancelled == 0 && operation.running == 1)
        operation.release(with: .success(7))
        for (number, task) in tasks.enumerated() where number != leaver {
            #expect(await task.value.value == 7)
        }
        #expect(operation.calls == 1)
        #expect(values.totals == .init(loaded: 1, joined: 1, cancelled: 1))
        #expect(values.kept(for: "a")?.value == 7)
    }

    @Test(
        "the last one to be cancelled cancels the call and waits for its end; a caller that comes then makes a new one")
    func allLeave() async throws {
        let values = try make()
        let operation = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation, .success(8)])
        let tasks = try await begin(2, values, operation)
        for task in tasks { task.cancel() }
        #expect(try await values.execute(for: "a") { try await operation() } == 8)
        #expect(operation.running == 1)
        operation.release(with: .failure(CancellationError()))
        for task in tasks {
            let execution = await task.value
            #expect(throws: CancellationError.self) { try execution.get() }
        }
        #expect(values.totals == .init(loaded: 1, cancelled: 2))
        #expect(values.kept(for: "a")?.value == 8)
    }

    @Test("a caller that was cancelled beforehand is seen by its operation, and a value that is kept answers it")
    func cancelledBefore() async throws {
        let values = try make()
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask { try await values.execute(for: "a") { try await operation() } }
        }
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask {
                try await values.execute(for: "a") {
                    try await Waiter<Void>().value { true }
                    return 0
                }
            }
        }
        #expect(values.totals == .init(cancelled: 2))
        values.remember(1, for: "a")
        #expect(try await inCancelledTask { try await values.execute(for: "a") { try await operation() } } == 1)
    }

    @Test("neither a load nor a refresh is bound by the deadline around the caller that began it")
    func deadlines() async throws {
        let values = try make()
        let outer = try Policy("outer", clock: clock) { Timeout.layer(.seconds(1)) }
        let seen = Log<TimeSource.Instant?>()
        for _ in 0..<2 {
            let value = try await outer.execute {
                try await values.execute(for: "a") { context in
                    seen.append(context.deadline)
                    return 1
                }
            }
            #expect(value == 1)
            await values.waitForRefreshes()
            clock.advance(by: .seconds(5))
        }
        #expect(seen.elements == [nil, nil])
        // The caller's wait is.
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let call = Task.immediate {
            try await outer.execute { try await values.execute(for: "b") { try await operation() } }
        }
        try await operation.waitForCalls(1)
        let other = Task.immediate { try await values.execute(for: "b") { try await operation() } }
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(1))
        await #expect(throws: Timeout.ExceededError.self) { try await call.value }
        operation.release(with: .success(2))
        #expect(try await other.value == 2)
        #expect(operation.calls == 1)
    }

    @Test("many callers at once: one call for each key, and every caller is in one number")
    func contention() async throws {
        let values = try KeyedStaleWhileRevalidate<Int, Int>("v", settings, clock: clock)
        let made = Log<Int>()
        await withTaskGroup { group in
            for call in 0..<2_000 {
                group.addTask {
                    let value = try? await values.execute(for: call % 50) {
                        made.append(call)
                        for _ in 0..<20 { await Task.yield() }
                        return call % 50
                    }
                    #expect(value == call % 50)
                }
            }
        }
        #expect(made.elements.count == 50)
        let totals = values.totals
        #expect(totals.loaded == 50 && totals.fresh + totals.joined == 1_950)
    }

    @Test("many callers, some of them cancelled: the others get the value, and nothing is left")
    func cancelledContention() async throws {
        for round in 0..<100 {
            let values = try make()
            let tasks = (0..<20).map { _ in
                Task {
                    try await values.execute(for: "a") {
                        for _ in 0..<10 { await Task.yield() }
                        try Task.checkCancellation()
                        return 1
                    }
                }
            }
            for (number, task) in tasks.enumerated() where (number + round) % 3 == 0 { task.cancel() }
            for (number, task) in tasks.enumerated() where (number + round) % 3 != 0 {
                #expect(try await task.value == 1)
            }
            for task in tasks { _ = await task.result }
            #expect(values.totals.calls == 20)
            #expect(values.totals.failed == 0)
        }
    }
}
