import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

private struct Opened: PolicyEvent, Equatable {
    var number = 0
    var source: String { "test" }
    var name: String { "test.opened" }
    var severity: EventSeverity { .warning }
    var description: String { "opened \(number)" }
}

private struct Closed: PolicyEvent {
    var source: String { "test" }
    var name: String { "test.closed" }
    var severity: EventSeverity { .info }
    var description: String { "closed" }
}

@Suite(.timeLimit(.minutes(30)))
struct EventRecorderTests {
    let recorder = EventRecorder()

    @Test("a recorder keeps events in order")
    func order() {
        recorder.observe(Opened(number: 1))
        recorder.observe(Closed())
        recorder.observe(Opened(number: 2))
        #expect(recorder.names == ["test.opened", "test.closed", "test.opened"])
        #expect(recorder.events.map(\.description) == ["opened 1", "closed", "opened 2"])
        #expect(recorder.events(of: Opened.self) == [Opened(number: 1), Opened(number: 2)])
        recorder.clear()
        #expect(recorder.events.isEmpty)
        recorder.observe(Opened(number: 3))
        #expect(recorder.events(of: Opened.self) == [Opened(number: 3)])
    }

    @Test("a recorder waits for events since it was cleared")
    func waiting() async throws {
        recorder.observe(Closed())
        try await recorder.waitForEvents(1)
        recorder.clear()
        let reached = Log<Int>()
        let executor = SteppingExecutor()
        let waiter = Task(executorPreference: executor) { [recorder] in
            try await recorder.waitForEvents(2)
            reached.append(recorder.events.count)
        }
        executor.drain()
        recorder.observe(Closed())
        executor.drain()
        #expect(reached.elements == [])
        recorder.observe(Closed())
        executor.drain()
        #expect(reached.elements == [2])
        try await waiter.value
    }

    @Test("waiting ends on cancellation")
    func cancellation() async {
        let waiter = Task { [recorder] in try await recorder.waitForEvents(1) }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
    }

    @Test("a recorder loses nothing under contention")
    func contention() async throws {
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask { [recorder] in
                    for index in 0..<1_000 { recorder.observe(Opened(number: task * 1_000 + index)) }
                }
            }
            group.addTask { [recorder] in try? await recorder.waitForEvents(8_000) }
        }
        let numbers = recorder.events(of: Opened.self).map(\.number)
        #expect(numbers.sorted() == Array(0..<8_000))
    }
}
