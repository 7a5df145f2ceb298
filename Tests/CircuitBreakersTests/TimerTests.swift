import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// A timer that ends breaks without traffic.
@Suite(.timeLimit(.minutes(30)))
struct TimerTests {
    private func configuration(afterMaxWait: CircuitBreaker.State = .open) -> Configuration {
        Configuration(
            trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(2)),
            halfOpen: .init(probes: 1, afterMaxWait: afterMaxWait), endsBreakByTimer: true)
    }

    private func instant(_ milliseconds: Int) -> ManualClock.Instant { .init(offset: .milliseconds(milliseconds)) }

    @Test("R4-27: one timer for the break, which ends it without traffic")
    func oneTimer() throws {
        let stage = try Stage(configuration())
        #expect(stage.clock.timerCount == 0)
        try stage.play("F")
        #expect(stage.clock.timerCount == 1 && stage.clock.nextDeadline == instant(2_000))
        stage.clock.advance(by: .milliseconds(1_999))
        #expect(stage.path == [.open])
        stage.clock.advance(by: .milliseconds(1))
        #expect(stage.path == [.open, .halfOpen] && stage.transitions.last?.reason == .breakEnded)
        #expect(stage.clock.timerCount == 0)
    }

    @Test("R4-27: isolating before that cancels it")
    func isolated() throws {
        let stage = try Stage(configuration())
        try stage.play("F")
        stage.breaker.isolate()
        #expect(stage.clock.timerCount == 0)
        stage.clock.advance(by: .seconds(10))
        #expect(stage.path == [.open, .isolated])
    }

    @Test("without a timer nothing happens until a call comes or the state is read")
    func noTimer() throws {
        var configuration = configuration()
        configuration.endsBreakByTimer = false
        let stage = try Stage(configuration)
        try stage.play("F")
        #expect(stage.clock.timerCount == 0)
        stage.clock.advance(by: .seconds(10))
        #expect(stage.path == [.open])
        #expect(stage.state == .halfOpen)
    }

    @Test("the timer follows a break that starts again")
    func newBreak() throws {
        let stage = try Stage(configuration())
        try stage.play("F")
        stage.clock.advance(by: .seconds(1))
        try stage.breaker.open(for: .milliseconds(500))
        #expect(stage.clock.timerCount == 1 && stage.clock.nextDeadline == instant(1_500))
        try stage.breaker.open(for: .seconds(5))
        #expect(stage.clock.timerCount == 1 && stage.clock.nextDeadline == instant(6_000))
        stage.breaker.close()
        #expect(stage.clock.timerCount == 0)
    }

    @Test("X-04: gives up a hung probe", arguments: [CircuitBreaker.State.open, .closed])
    func hungProbe(after: CircuitBreaker.State) throws {
        let stage = try Stage(configuration(afterMaxWait: after))
        try stage.play("F")
        stage.clock.advance(by: .seconds(3))
        let probe = try stage.start()
        #expect(stage.clock.nextDeadline == instant(5_000))
        stage.clock.advance(by: .seconds(2))
        #expect(stage.path == [.open, .halfOpen, after])
        #expect(stage.clock.timerCount == (after == .open ? 1 : 0))
        probe.end("S")
        #expect(stage.path.count == 3)
    }

    @Test("the timer goes on through several breaks")
    func severalBreaks() throws {
        let stage = try Stage(configuration())
        try stage.play("F")
        for round in 1...3 {
            stage.clock.advance(by: .seconds(2))
            #expect(stage.path.count == 2 * round)
            try stage.play("F")
        }
        stage.clock.advance(by: .seconds(2))
        try stage.play("S")
        #expect(stage.path.last == .closed && stage.clock.timerCount == 0)
    }

    @Test("the timer is set by a new configuration and by snapshots")
    func set() throws {
        var without = configuration()
        without.endsBreakByTimer = false
        let stage = try Stage(without)
        try stage.play("F")
        try stage.breaker.update(configuration())
        #expect(stage.clock.timerCount == 1)
        let copy = try Stage(configuration(), restoring: stage.breaker.snapshot)
        #expect(copy.clock.timerCount == 1)
        copy.clock.advance(by: .seconds(2))
        #expect(copy.path == [.open, .halfOpen])
        try stage.breaker.update(without)
        #expect(stage.clock.timerCount == 0)
        var open = configuration()
        open.initialState = .open
        #expect(try Stage(open).clock.timerCount == 0, "the breaker is gone, and its timer with it")
        let kept = try Stage(open)
        #expect(kept.clock.timerCount == 1)
        withExtendedLifetime(kept.breaker) {}
    }

    @Test("no timer is left behind by tasks that compete")
    func contention() async throws {
        let stage = try Stage(configuration(), observed: false)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<500 {
                        if (task + round).isMultiple(of: 2) { stage.breaker.open() } else { stage.breaker.close() }
                        if round.isMultiple(of: 10) { stage.clock.advance(by: .seconds(1)) }
                    }
                }
            }
        }
        stage.breaker.close()
        #expect(stage.clock.timerCount == 0)
        stage.breaker.open()
        #expect(stage.clock.timerCount == 1)
        stage.clock.advance(by: .seconds(2))
        #expect(stage.state == .halfOpen)
    }

    @Test("an observer may open the breaker again when the timer fires")
    func reopening() throws {
        let observer = Reopener()
        let clock = ManualClock()
        let breaker = try CircuitBreaker("test", configuration(), clock: clock, observers: [observer])
        observer.breaker.append(breaker)
        breaker.open()
        clock.advance(by: .seconds(2))
        #expect(breaker.totals.opened == 2 && breaker.remainingBreak == .seconds(2) && clock.timerCount == 1)
        clock.advance(by: .seconds(4))
        #expect(breaker.totals.opened == 4)
    }
}

private final class Reopener: PolicyObserver {
    let breaker = Log<CircuitBreaker>()

    func observe(_ event: some PolicyEvent) {
        if case .transition(let transition)? = (event as? Event)?.kind, transition.to == .halfOpen {
            breaker.elements.first?.open()
        }
    }
}
