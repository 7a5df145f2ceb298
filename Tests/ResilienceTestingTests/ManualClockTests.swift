import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct ManualClockTests {
    let clock = ManualClock()
    let executor = SteppingExecutor()

    private func instant(_ seconds: Double) -> ManualClock.Instant { .init(offset: .seconds(seconds)) }

    @Test("a clock stands still until it is moved")
    func standing() {
        #expect(clock.now == .init() && clock.now.offset == .zero)
        clock.advance(by: .seconds(2))
        #expect(clock.now == instant(2))
        clock.advance(to: instant(5))
        #expect(clock.now == instant(5))
        #expect(clock.minimumResolution == .nanoseconds(1))
        #expect("\(clock.now)" == "5.0 seconds")
    }

    @Test("a clock never goes back")
    func monotony() {
        clock.advance(by: .seconds(2))
        clock.advance(by: .seconds(-1))
        clock.advance(to: instant(1))
        #expect(clock.now == instant(2))
    }

    @Test("a clock saturates at the end of time")
    func saturation() {
        let largest = Duration(attoseconds: .max)
        let smallest = Duration(attoseconds: .min)
        clock.advance(by: largest)
        clock.advance(by: largest)
        #expect(clock.now.offset == largest)
        let start = ManualClock.Instant(offset: smallest)
        #expect(start.advanced(by: .seconds(-1)).offset == smallest)
        #expect(start.advanced(by: largest).offset == .init(attoseconds: -1))
        #expect(start.duration(to: clock.now) == largest)
        #expect(clock.now.duration(to: start) == smallest)
        #expect(instant(3).duration(to: instant(1)) == .seconds(-2))
    }

    @Test("sleeping for the past returns at once")
    func past() async throws {
        clock.advance(by: .seconds(2))
        try await clock.sleep(until: instant(1))
        try await clock.sleep(until: instant(2))
        #expect(clock.sleeperCount == 0)
    }

    @Test("a sleeper wakes at its deadline and not before")
    func deadline() {
        let log = Log<Double>()
        Task(executorPreference: executor) { [clock] in
            try await clock.sleep(for: .seconds(1))
            log.append(clock.now.offset / .seconds(1))
        }
        executor.drain()
        #expect(clock.sleeperCount == 1 && clock.nextDeadline == instant(1))
        clock.advance(by: .seconds(1) - .nanoseconds(1))
        executor.drain()
        #expect(log.elements == [] && clock.sleeperCount == 1)
        clock.advance(by: .nanoseconds(1))
        #expect(clock.sleeperCount == 0 && clock.nextDeadline == nil)
        executor.drain()
        #expect(log.elements == [1])
    }

    @Test("sleepers wake in the order of deadlines, then of registration")
    func order() {
        let log = Log<String>()
        for (name, seconds) in [("c", 3), ("a", 1), ("b", 2), ("a2", 1), ("c2", 3), ("b2", 2)] {
            Task(executorPreference: executor) { [clock] in
                try await clock.sleep(until: .init(offset: .seconds(seconds)))
                log.append(name)
            }
        }
        executor.drain()
        clock.advance(by: .seconds(10))
        executor.drain()
        #expect(log.elements == ["a", "a2", "b", "b2", "c", "c2"])
    }

    @Test("a cancelled task does not sleep")
    func cancelled() async {
        let task = Task { [clock] in
            withUnsafeCurrentTask { $0?.cancel() }
            try await clock.sleep(until: .init())
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("cancelling a sleeper removes it")
    func removal() async throws {
        let task = Task { [clock] in try await clock.sleep(for: .seconds(1)) }
        try await clock.waitForSleepers(1)
        task.cancel()
        #expect(clock.sleeperCount == 0 && clock.nextDeadline == nil)
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.now == .init())
    }

    @Test("a wake that came first is not undone by cancelling")
    func wokenFirst() throws {
        let log = Log<String>()
        let task = Task(executorPreference: executor) { [clock] in
            do {
                try await clock.sleep(for: .seconds(1))
                log.append("woken")
            } catch {
                log.append("cancelled")
            }
        }
        executor.drain()
        clock.advance(by: .seconds(1))
        task.cancel()
        executor.drain()
        #expect(log.elements == ["woken"])
    }

    @Test("a clock advances to the next deadline")
    func nextDeadline() async throws {
        #expect(clock.advanceToNextDeadline() == nil && clock.now == .init())
        let log = Log<Double>()
        let timer = clock.schedule(at: instant(2)) { log.append(2) }
        _ = clock.schedule(at: instant(5)) { log.append(5) }
        #expect(clock.advanceToNextDeadline() == instant(2))
        #expect(log.elements == [2] && clock.now == instant(2))
        timer.cancel()
        #expect(clock.advanceToNextDeadline() == instant(5))
        #expect(log.elements == [2, 5] && clock.nextDeadline == nil)
    }

    @Test("a clock counts sleepers and timers apart")
    func counts() async throws {
        let task = Task { [clock] in try await clock.sleep(for: .seconds(1)) }
        let timer = clock.schedule(at: instant(1)) {}
        try await clock.waitForSleepers(1)
        try await clock.waitForTimers(1)
        #expect(clock.sleeperCount == 1 && clock.timerCount == 1)
        timer.cancel()
        timer.cancel()
        #expect(clock.sleeperCount == 1 && clock.timerCount == 0)
        task.cancel()
        _ = await task.result
        #expect(clock.sleeperCount == 0)
    }

    @Test("waiting ends with as many sleepers or timers as asked for")
    func waiting() {
        let log = Log<String>()
        for count in [3, 0, 2, 1] {
            Task(executorPreference: executor) { [clock] in
                try await clock.waitForSleepers(count)
                log.append("\(count) sleep")
            }
        }
        executor.drain()
        #expect(log.elements == ["0 sleep"])
        for number in 1...3 {
            Task(executorPreference: executor) { [clock] in try await clock.sleep(for: .seconds(number)) }
            executor.drain()
        }
        #expect(log.elements == ["0 sleep", "1 sleep", "2 sleep", "3 sleep"])
        // Sleepers that have been woken do not count.
        clock.advance(by: .seconds(2))
        Task(executorPreference: executor) { [clock] in
            try await clock.waitForSleepers(2)
            log.append("2 again")
        }
        executor.drain()
        #expect(log.elements.count == 4)
        Task(executorPreference: executor) { [clock] in try await clock.sleep(for: .seconds(9)) }
        executor.drain()
        #expect(log.elements.last == "2 again")
        clock.advance(by: .seconds(99))
        executor.drain()
    }

    @Test("waiting for sleepers ends on cancellation")
    func cancelledWaiting() {
        let log = Log<String>()
        let tasks = [false, true].map { timers in
            Task(executorPreference: executor) { [clock] in
                do {
                    try await timers ? clock.waitForTimers(1) : clock.waitForSleepers(1)
                } catch {
                    log.append("\(error)")
                }
            }
        }
        executor.drain()
        for task in tasks { task.cancel() }
        executor.drain()
        #expect(log.elements == ["CancellationError()", "CancellationError()"])
    }
}
