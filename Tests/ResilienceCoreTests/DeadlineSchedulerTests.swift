import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

private enum Caller {
    @TaskLocal static var name: String?
}

@Suite(.timeLimit(.minutes(30)))
struct DeadlineSchedulerTests {
    let clock = ManualClock()
    let recorder = EventRecorder()

    private func makeScheduler() -> DeadlineScheduler { DeadlineScheduler(TimeSource(PlainClock(clock))) }

    private func instant(_ seconds: Int) -> TimeSource.Instant {
        TimeSource.Instant(nanoseconds: 0).advanced(by: .seconds(seconds))
    }

    @Test("Timers fire in the order of their deadlines, then of registration")
    func firesInTheOrderOfDeadlinesThenOfRegistration() async throws {
        let scheduler = makeScheduler()
        for (number, seconds) in [(1, 3), (2, 1), (3, 2), (4, 1), (5, 3)] {
            _ = scheduler.schedule(at: instant(seconds)) { [recorder] in recorder.note(number) }
            try await clock.waitForSleepers(1)
        }
        #expect(scheduler.count == 5)
        clock.advance(by: .seconds(10))
        try await recorder.waitForEvents(5)
        #expect(recorder.numbers == [2, 4, 3, 1, 5])
        #expect(scheduler.count == 0)
    }

    @Test("One task sleeps for all timers, until the earliest deadline")
    func oneTaskSleepsForAllUntilTheEarliestDeadline() async throws {
        let scheduler = makeScheduler()
        for number in 0..<100 {
            _ = scheduler.schedule(at: instant(50 + number)) {}
            if number == 0 { try await clock.waitForSleepers(1) }
        }
        #expect(clock.sleeperCount == 1 && clock.nextDeadline?.offset == .seconds(50))
        _ = scheduler.schedule(at: instant(7)) { [recorder] in recorder.note(7) }
        try await clock.waitForSleepers(1)
        #expect(clock.sleeperCount == 1 && clock.nextDeadline?.offset == .seconds(7))
        clock.advance(by: .seconds(7))
        try await clock.waitForSleepers(1)
        #expect(recorder.numbers == [7])
        #expect(clock.sleeperCount == 1 && clock.nextDeadline?.offset == .seconds(50))
    }

    @Test("A timer that is due fires at once")
    func firesAtOnceWhatIsDue() async throws {
        let scheduler = makeScheduler()
        clock.advance(by: .seconds(3))
        _ = scheduler.schedule(at: instant(3)) { [recorder] in recorder.note(1) }
        try await recorder.waitForEvents(1)
        _ = scheduler.schedule(at: instant(9)) { [recorder] in recorder.note(9) }
        try await clock.waitForSleepers(1)
        _ = scheduler.schedule(at: .init(nanoseconds: .min)) { [recorder] in recorder.note(2) }
        try await recorder.waitForEvents(2)
        #expect(recorder.numbers == [1, 2] && scheduler.count == 1)
    }

    @Test("A timer that is cancelled does not fire")
    func whatIsCancelledDoesNotFire() async throws {
        let scheduler = makeScheduler()
        let timers = (0..<6).map { number in
            scheduler.schedule(at: instant(1 + number)) { [recorder] in recorder.note(number) }
        }
        try await clock.waitForSleepers(1)
        for number in [0, 3, 3, 4] { timers[number].cancel() }
        #expect(scheduler.count == 3)
        clock.advance(by: .seconds(10))
        try await recorder.waitForEvents(3)
        #expect(recorder.numbers == [1, 2, 5])
        for timer in timers { timer.cancel() }
        #expect(scheduler.count == 0)
    }

    @Test("An action may set and cancel timers")
    func anActionMaySetAndCancelTimers() async throws {
        let scheduler = makeScheduler()
        let victim = scheduler.schedule(at: instant(2)) { [recorder] in recorder.note(99) }
        try await clock.waitForSleepers(1)
        _ = scheduler.schedule(at: instant(1)) { [self] in
            victim.cancel()
            recorder.note(1)
            _ = scheduler.schedule(at: instant(5)) { [self] in
                recorder.note(5)
                _ = scheduler.schedule(at: instant(0)) { [recorder] in recorder.note(0) }
            }
        }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        try await clock.waitForSleepers(1)
        #expect(recorder.numbers == [1] && clock.nextDeadline?.offset == .seconds(5))
        clock.advance(by: .seconds(4))
        try await recorder.waitForEvents(3)
        #expect(recorder.numbers == [1, 5, 0])
    }

    @Test("An action has no task-local values of the task that set the first timer")
    func actionsDoNotRunInTheContextOfWhoSetTheFirst() async throws {
        let scheduler = makeScheduler()
        Caller.$name.withValue("first") {
            _ = scheduler.schedule(at: instant(1)) { [recorder] in recorder.note(Caller.name == nil ? 1 : 0) }
        }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        try await recorder.waitForEvents(1)
        #expect(recorder.numbers == [1])
    }

    @Test("What a timer owns is released outside the lock")
    func whatATimerOwnsIsReleasedOutsideTheLock() {
        final class Owned: Sendable {
            let scheduler: DeadlineScheduler
            let recorder: EventRecorder

            init(_ scheduler: DeadlineScheduler, _ recorder: EventRecorder) {
                self.scheduler = scheduler
                self.recorder = recorder
            }

            deinit { recorder.note(scheduler.count) }
        }
        let scheduler = makeScheduler()
        func set() -> any ScheduledTimer {
            let owned = Owned(scheduler, recorder)
            return scheduler.schedule(at: instant(1)) { _ = owned }
        }
        func setAndCancel() { set().cancel() }
        setAndCancel()
        #expect(recorder.numbers == [0])
    }

    @Test("Random timers fire as from a sorted array")
    func behavesAsASortedArray() async throws {
        try await forSeeds(0..<300) { seed, _ in
            let run = ModelRun(seed: seed)
            for step in 0..<40 {
                try await run.step()
                guard run.isAsExpected else { throw Difference("step \(step): \(run.difference)") }
            }
        }
    }

    @Test("Under contention every timer fires once or is cancelled")
    func everyTimerFiresOnceOrIsCancelledUnderContention() async throws {
        let scheduler = makeScheduler()
        let time = TimeSource(clock)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask { [recorder] in
                    for index in 0..<250 {
                        let number = task * 250 + index
                        let deadline = time.now.advanced(by: .seconds((index * 7) % 5))
                        let timer = scheduler.schedule(at: deadline) { recorder.note(number) }
                        if !index.isMultiple(of: 2) { timer.cancel() }
                    }
                }
            }
            group.addTask { [clock] in for _ in 0..<100 { clock.advance(by: .seconds(1)) } }
        }
        clock.advance(by: .seconds(10))
        var fired: [Int] = []
        while fired.count(where: { $0.isMultiple(of: 2) }) < 1_000 {
            try await recorder.waitForEvents(fired.count + 1)
            fired = recorder.numbers
        }
        let numbers = fired.sorted()
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers.filter { $0.isMultiple(of: 2) } == Array(stride(from: 0, to: 2_000, by: 2)))
        #expect(scheduler.count == 0)
    }
}

/// A random sequence of operations on a scheduler, beside an array.
private final class ModelRun {
    private let clock = ManualClock()
    private let recorder = EventRecorder()
    private let scheduler: DeadlineScheduler
    private var random: SplitMix64

    private var timers: [any ScheduledTimer] = []
    private var waiting: [(deadline: Int, number: Int)] = []
    private var now = 0
    private var expected: [Int] = []

    init(seed: UInt64) {
        scheduler = DeadlineScheduler(TimeSource(PlainClock(clock)))
        random = SplitMix64(seed: seed)
    }

    var isAsExpected: Bool { recorder.numbers == expected && scheduler.count == waiting.count }

    var difference: String { "fired \(recorder.numbers), expected \(expected); \(scheduler.count) of \(waiting) wait" }

    func step() async throws {
        switch Int.random(in: 0..<8, using: &random) {
        case ..<4: add(Int.random(in: 1...4, using: &random))
        case ..<6: cancel()
        default: clock.advance(by: .seconds(move(by: Int.random(in: 0...6, using: &random))))
        }
        try await settle()
    }

    private func add(_ count: Int) {
        for _ in 0..<count {
            let (number, deadline) = (timers.count, now + Int.random(in: 1...20, using: &random))
            waiting.append((deadline, number))
            let instant = TimeSource.Instant(nanoseconds: Int64(deadline) * 1_000_000_000)
            timers.append(scheduler.schedule(at: instant) { [recorder] in recorder.note(number) })
        }
    }

    private func cancel() {
        guard let number = timers.indices.randomElement(using: &random) else { return }
        timers[number].cancel()
        waiting.removeAll { $0.number == number }
    }

    private func move(by seconds: Int) -> Int {
        now += seconds
        let due = waiting.filter { $0.deadline <= now }.sorted { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
        waiting.removeAll { $0.deadline <= now }
        expected += due.map(\.number)
        return seconds
    }

    /// Waits until all that is due has fired and the scheduler's task sleeps for what is left.
    private func settle() async throws {
        try await recorder.waitForEvents(expected.count)
        if !waiting.isEmpty { try await clock.waitForSleepers(1) }
    }
}
