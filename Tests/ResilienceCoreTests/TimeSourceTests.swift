import ResilienceCore
import ResilienceTesting
import Testing

@Suite(.timeLimit(.minutes(30)))
struct TimeSourceTests {
    let clock = ManualClock()

    @Test("Instants and the durations between them saturate")
    func instantsSaturate() {
        let start = TimeSource.Instant(nanoseconds: 0)
        let end = start.advanced(by: .nanoseconds(Int64.max))
        #expect(end.advanced(by: .seconds(1)).nanoseconds == .max)
        #expect(start.advanced(by: Duration(attoseconds: .min)).nanoseconds == .min)
        #expect(start.advanced(by: .milliseconds(-3)).nanoseconds == -3_000_000)
        #expect(start.duration(to: end) == .nanoseconds(Int64.max))
        #expect(TimeSource.Instant(nanoseconds: .min).duration(to: end) == .nanoseconds(Int64.max))
        #expect(end.duration(to: .init(nanoseconds: .min)) == .nanoseconds(Int64.min))
        #expect(end.duration(to: start) == .nanoseconds(-Int64.max))
        #expect(start < end && !(end < start) && !(start < start))
    }

    @Test("Time sources are equal if they are copies of one, or both continuous")
    func twoAreEqualIfMadeFromOneWrappedClock() {
        #expect(TimeSource.continuous == TimeSource(ContinuousClock()))
        let time = TimeSource(clock)
        let copy = time
        #expect(time == copy)
        #expect(time != TimeSource(clock))
        #expect(time != .continuous)
    }

    @Test("On the continuous clock a sleep until the past ends, and time does not go back")
    func theContinuousClockMovesForward() async throws {
        let time = TimeSource.continuous
        let before = time.now
        try await time.sleep(until: before)
        try await time.sleep(until: .init(nanoseconds: .min))
        #expect(time.now >= before)
    }

    @Test("A sleep on the continuous clock ends when it is cancelled")
    func sleepingOnTheContinuousClockEndsOnCancellation() async {
        let time = TimeSource.continuous
        let task = Task { try await time.sleep(until: .init(nanoseconds: .max)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("Time counts from the moment the source was made, and saturates")
    func countsFromTheMomentItWasMade() async throws {
        clock.advance(by: .seconds(100))
        let time = TimeSource(clock)
        #expect(time.now.nanoseconds == 0)
        clock.advance(by: .milliseconds(5))
        #expect(time.now.nanoseconds == 5_000_000)
        let deadline = time.now.advanced(by: .seconds(1))
        let task = Task { try await time.sleep(until: deadline) }
        try await clock.waitForSleepers(1)
        #expect(clock.nextDeadline?.offset == .milliseconds(101_005))
        clock.advance(by: .seconds(1))
        try await task.value
        clock.advance(by: Duration(attoseconds: .max))
        #expect(time.now.nanoseconds == .max)
    }

    @Test("Timers on a manual clock fire within the advance, in order")
    func timersOnAManualClockFireWithinTheAdvance() {
        clock.advance(by: .seconds(100))
        let time = TimeSource(clock)
        let recorder = EventRecorder()
        _ = time.schedule(at: .init(nanoseconds: 2_000)) { recorder.note(2) }
        let timer = time.schedule(at: .init(nanoseconds: 3_000)) { recorder.note(3) }
        _ = time.schedule(at: .init(nanoseconds: 1_000)) { recorder.note(1) }
        _ = time.schedule(at: .init(nanoseconds: 0)) { recorder.note(0) }
        #expect(recorder.numbers == [0])
        clock.advance(by: .nanoseconds(1_999))
        #expect(recorder.numbers == [0, 1])
        timer.cancel()
        clock.advance(by: .seconds(1))
        #expect(recorder.numbers == [0, 1, 2])
        #expect(clock.sleeperCount == 0)
    }

    @Test("A timer is set for its moment, however far the clock moves while it is set")
    func timersAreSetForAMomentThatNoReadingOfTheClockMoves() throws {
        let moving = MovingClock()
        let time = TimeSource(moving)
        _ = time.schedule(at: .init(nanoseconds: 5_000_000_000)) {}
        #expect(moving.scheduled.events.map(\.description) == ["1005"])
    }

    @Test("A timer on the continuous clock fires, and one that is cancelled does not")
    func timersOfTheContinuousClockFire() async throws {
        let recorder = EventRecorder()
        let time = TimeSource.continuous
        let later = time.schedule(at: .init(nanoseconds: .max)) { recorder.note(2) }
        _ = time.schedule(at: time.now) { recorder.note(1) }
        try await recorder.waitForEvents(1)
        later.cancel()
        later.cancel()
        #expect(recorder.numbers == [1])
    }

    @Test("Timers on another clock fire on a task that sleeps on it")
    func timersOfAnotherClockFireOnATask() async throws {
        let time = TimeSource(PlainClock(clock))
        let recorder = EventRecorder()
        _ = time.schedule(at: .init(nanoseconds: 1_000)) { recorder.note(1) }
        _ = time.schedule(at: .init(nanoseconds: 2_000)) { recorder.note(2) }
        try await clock.waitForSleepers(1)
        clock.advance(by: .nanoseconds(1_000))
        try await clock.waitForSleepers(1)
        #expect(recorder.numbers == [1])
        clock.advance(by: .nanoseconds(1_000))
        try await recorder.waitForEvents(2)
        #expect(recorder.numbers == [1, 2] && clock.timerCount == 0)
    }

    @Test("A clock is released with its time source, after the timers that were set")
    func aClockIsReleasedWithItsTimeSource() async throws {
        let (released, whenReleased) = AsyncStream.makeStream(of: Never.self)
        let recorder = EventRecorder()
        func setTimer() {
            let time = TimeSource(PlainClock(clock) { whenReleased.finish() })
            _ = time.schedule(at: .init(nanoseconds: 1_000)) { recorder.note(1) }
        }
        setTimer()
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        try await recorder.waitForEvents(1)  // Set on a time source that is gone, and fired all the same.
        for await _ in released {}
    }
}

/// A clock that moves by a second whenever it is read.
private final class MovingClock: TimerClock {
    struct Timer: ScheduledTimer {
        func cancel() {}
    }

    private let seconds = Lock(999)
    let scheduled = EventRecorder()

    var now: ManualClock.Instant {
        let seconds = seconds.withLock { seconds in
            seconds += 1
            return seconds
        }
        return ManualClock.Instant(offset: .seconds(seconds))
    }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {}

    func schedule(at instant: ManualClock.Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        scheduled.note(Int(instant.offset.components.seconds))
        return Timer()
    }
}
