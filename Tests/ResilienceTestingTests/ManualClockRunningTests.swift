import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite("Manual clock: time that passes", .timeLimit(.minutes(30)))
struct ManualClockRunningTests {
    let clock = ManualClock()
    let executor = SteppingExecutor()
    let log = Log<String>()

    private func note(_ what: String) { log.append("\(what) \(clock.now.offset.components.seconds)") }

    /// Sleeps so long, again and again.
    private func ticking(_ name: String, every seconds: Int, times: Int) {
        Task(executorPreference: executor) {
            for _ in 0..<times {
                try await clock.sleep(for: .seconds(seconds))
                note(name)
            }
        }
    }

    @Test("what tasks sleep for on the way is followed, and each sees the time at which it is due")
    func sleepers() {
        ticking("a", every: 2, times: 10)
        ticking("b", every: 3, times: 10)
        clock.advance(by: .seconds(6), running: executor)
        #expect(log.elements == ["a 2", "b 3", "a 4", "b 6", "a 6"])
        #expect(clock.now.offset == .seconds(6) && clock.sleeperCount == 2)
        clock.advance(to: .init(offset: .milliseconds(8_500)), running: executor)
        #expect(log.elements.last == "a 8" && clock.now.offset == .milliseconds(8_500))
    }

    @Test("timers wake tasks, and tasks set timers, within one advance")
    func timers() {
        let wakes = Lock<CheckedContinuation<Void, Never>?>(nil)
        Task(executorPreference: executor) {
            for _ in 0..<3 {
                let due = clock.now.advanced(by: .seconds(1))
                await withCheckedContinuation { continuation in
                    wakes.withLock { $0 = continuation }
                    _ = clock.schedule(at: due) { wakes.withLock { $0.take() }?.resume() }
                }
                note("woken")
            }
        }
        clock.advance(by: .seconds(10), running: executor)
        #expect(log.elements == ["woken 1", "woken 2", "woken 3"] && clock.now.offset == .seconds(10))
    }

    @Test("what is ready runs also if no time passes, and nothing that is due later", arguments: [0, -5])
    func noTime(seconds: Int) {
        ticking("a", every: 0, times: 1)
        ticking("b", every: 1, times: 1)
        clock.advance(by: .seconds(seconds), running: executor)
        #expect(log.elements == ["a 0"] && clock.now.offset == .zero && executor.readyCount == 0)
    }

    @Test("what is due exactly at the end runs, and a nanosecond later does not")
    func end() {
        ticking("at", every: 5, times: 1)
        Task(executorPreference: executor) {
            try await clock.sleep(for: .seconds(5) + .nanoseconds(1))
            note("after")
        }
        clock.advance(by: .seconds(5), running: executor)
        #expect(log.elements == ["at 5"] && clock.sleeperCount == 1)
    }

    @Test("time passes until a condition holds, and no further")
    func untilCondition() {
        ticking("a", every: 2, times: 10)
        ticking("b", every: 3, times: 10)
        let waits = clock.advance(until: { log.elements.count >= 3 }, running: executor)
        #expect(waits == [.seconds(2), .seconds(1), .seconds(1)] && clock.now.offset == .seconds(4))
        #expect(clock.advance(until: { true }, running: executor) == [])
        #expect(clock.now.offset == .seconds(4))
    }

    @Test("a condition that never holds ends when nothing waits for the clock")
    func nothingLeft() {
        ticking("a", every: 2, times: 3)
        #expect(clock.advance(until: { false }, running: executor) == Array(repeating: .seconds(2), count: 3))
        #expect(log.elements == ["a 2", "a 4", "a 6"] && clock.nextDeadline == nil)
    }

    @Test("an error of the condition ends it")
    func conditionThrows() {
        ticking("a", every: 2, times: 3)
        #expect(throws: InjectedFailure.self) {
            try clock.advance(
                until: { if log.elements.isEmpty { false } else { throw InjectedFailure() } }, running: executor)
        }
        #expect(clock.now.offset == .seconds(2))
    }
}
