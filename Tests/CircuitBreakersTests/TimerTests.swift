import ResilienceCore
import ResilienceTesting
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
        let fixture = try Fixture(configuration())
        #expect(fixture.clock.timerCount == 0)
        try fixture.play("F")
        #expect(fixture.clock.timerCount == 1 && fixture.clock.nextDeadline == instant(2_000))
        fixture.clock.advance(by: .milliseconds(1_999))
        #expect(fixture.path == [.open])
        fixture.clock.advance(by: .milliseconds(1))
        #expect(fixture.path == [.open, .halfOpen] && fixture.transitions.last?.reason == .breakEnded)
        #expect(fixture.clock.timerCount == 0)
    }

    @Test("R4-27: isolating before that cancels it")
    func isolated() throws {
        let fixture = try Fixture(configuration())
        try fixture.play("F")
        fixture.breaker.isolate()
        #expect(fixture.clock.timerCount == 0)
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.path == [.open, .isolated])
    }

    @Test func withoutOneNothingHappensUntilSomebodyAsks() throws {
        var configuration = configuration()
        configuration.endsBreakByTimer = false
        let fixture = try Fixture(configuration)
        try fixture.play("F")
        #expect(fixture.clock.timerCount == 0)
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.path == [.open])
        #expect(fixture.state == .halfOpen)
    }

    @Test func followsABreakThatStartsAnew() throws {
        let fixture = try Fixture(configuration())
        try fixture.play("F")
        fixture.clock.advance(by: .seconds(1))
        try fixture.breaker.open(for: .milliseconds(500))
        #expect(fixture.clock.timerCount == 1 && fixture.clock.nextDeadline == instant(1_500))
        try fixture.breaker.open(for: .seconds(5))
        #expect(fixture.clock.timerCount == 1 && fixture.clock.nextDeadline == instant(6_000))
        fixture.breaker.close()
        #expect(fixture.clock.timerCount == 0)
    }

    @Test("X-04: gives up a hung probe", arguments: [CircuitBreaker.State.open, .closed])
    func hungProbe(after: CircuitBreaker.State) throws {
        let fixture = try Fixture(configuration(afterMaxWait: after))
        try fixture.play("F")
        fixture.clock.advance(by: .seconds(3))
        let probe = try fixture.start()
        #expect(fixture.clock.nextDeadline == instant(5_000))
        fixture.clock.advance(by: .seconds(2))
        #expect(fixture.path == [.open, .halfOpen, after])
        #expect(fixture.clock.timerCount == (after == .open ? 1 : 0))
        probe.end("S")
        #expect(fixture.path.count == 3)
    }

    @Test func goesOnThroughSeveralBreaks() throws {
        let fixture = try Fixture(configuration())
        try fixture.play("F")
        for round in 1...3 {
            fixture.clock.advance(by: .seconds(2))
            #expect(fixture.path.count == 2 * round)
            try fixture.play("F")
        }
        fixture.clock.advance(by: .seconds(2))
        try fixture.play("S")
        #expect(fixture.path.last == .closed && fixture.clock.timerCount == 0)
    }

    @Test func isSetByANewConfigurationAndBySnapshots() throws {
        var without = configuration()
        without.endsBreakByTimer = false
        let fixture = try Fixture(without)
        try fixture.play("F")
        try fixture.breaker.update(configuration())
        #expect(fixture.clock.timerCount == 1)
        let copy = try Fixture(configuration(), restoring: fixture.breaker.snapshot)
        #expect(copy.clock.timerCount == 1)
        copy.clock.advance(by: .seconds(2))
        #expect(copy.path == [.open, .halfOpen])
        try fixture.breaker.update(without)
        #expect(fixture.clock.timerCount == 0)
        var open = configuration()
        open.initialState = .open
        #expect(try Fixture(open).clock.timerCount == 0, "the breaker is gone, and its timer with it")
        let kept = try Fixture(open)
        #expect(kept.clock.timerCount == 1)
        withExtendedLifetime(kept.breaker) {}
    }

    @Test func noTimerIsLeftBehindByTasksThatCompete() async throws {
        let fixture = try Fixture(configuration(), observed: false)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<500 {
                        if (task + round).isMultiple(of: 2) { fixture.breaker.open() } else { fixture.breaker.close() }
                        if round.isMultiple(of: 10) { fixture.clock.advance(by: .seconds(1)) }
                    }
                }
            }
        }
        fixture.breaker.close()
        #expect(fixture.clock.timerCount == 0)
        fixture.breaker.open()
        #expect(fixture.clock.timerCount == 1)
        fixture.clock.advance(by: .seconds(2))
        #expect(fixture.state == .halfOpen)
    }

    @Test func anObserverMayOpenTheBreakerAgainWhenTheTimerFires() throws {
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
