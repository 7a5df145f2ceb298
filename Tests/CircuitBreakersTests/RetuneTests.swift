import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Another configuration for a breaker at work.
@Suite(.timeLimit(.minutes(30)))
struct RetuneTests {
    private func rate(_ rate: Double, _ window: CircuitBreaker.Window, minimumCalls: Int = 4) -> Configuration {
        Configuration(trip: .failureRate(rate, minimumCalls: minimumCalls), window: window)
    }

    @Test("X-19: state and window are kept; the next result is judged by the new rule")
    func threshold() throws {
        let fixture = try Fixture(rate(0.9, .calls(10)))
        try fixture.play("SFFF")
        let (counts, totals) = (fixture.breaker.counts, fixture.breaker.totals)
        try fixture.breaker.update(rate(0.5, .calls(10)))
        #expect(fixture.state == .closed && fixture.breaker.counts == counts && fixture.breaker.totals == totals)
        try fixture.play("S")
        #expect(fixture.state == .open && fixture.transitions.first?.reason == .failureRate(0.6))
    }

    @Test("X-19: a running call stays the breaker's, a break keeps its length")
    func runningCallAndBreak() throws {
        let fixture = try Fixture(.fragile())
        let call = try fixture.start()
        var longer = Configuration.fragile(probes: 2)
        longer.breakLength = .fixed(.seconds(99))
        try fixture.breaker.update(longer)
        call.end("F")
        #expect(fixture.breaker.remainingBreak == .seconds(99) && fixture.breaker.totals.late == 0)
        try fixture.breaker.update(.fragile())
        #expect(fixture.breaker.remainingBreak == .seconds(99))
        fixture.clock.advance(by: .seconds(99))
        try fixture.play("S")
        #expect(fixture.state == .closed)
    }

    @Test func aWindowOfCallsIsCutToTheLatest() throws {
        let fixture = try Fixture(rate(1, .calls(6), minimumCalls: 5))
        try fixture.play("FFFSXF")
        try fixture.breaker.update(rate(1, .calls(2), minimumCalls: 2))
        #expect(fixture.breaker.counts.row == [3, 1, 1, 1, 0, 1])
        try fixture.breaker.update(rate(1, .calls(6), minimumCalls: 5))
        try fixture.play("S")
        #expect(fixture.breaker.counts.row == [4, 2, 1, 1, 1, 0])
    }

    @Test func countsThatFitAreTakenOverExactly() throws {
        let windows: [CircuitBreaker.Window] = [.unbounded, .time(.seconds(100)), .calls(100), .interval(.seconds(60))]
        for failures in 0...49 {
            for (from, to) in zip(windows, windows.dropFirst() + windows.prefix(1)) {
                let fixture = try Fixture(rate(1, from, minimumCalls: 100), observed: false)
                try fixture.play(String(repeating: "F", count: failures))
                try fixture.play(String(repeating: "S", count: 49 - failures) + "X")
                let before = fixture.breaker.counts
                try fixture.breaker.update(rate(1, to, minimumCalls: 100))
                #expect(fixture.breaker.counts == before, "\(failures) of 49 from \(from) to \(to)")
            }
        }
    }

    @Test func aSmallerWindowOfAnotherKindKeepsTheRate() throws {
        for failures in 0...90 {
            let fixture = try Fixture(rate(1, .unbounded, minimumCalls: 100), observed: false)
            try fixture.play(String(repeating: "F", count: failures) + String(repeating: "S", count: 90 - failures))
            try fixture.breaker.update(rate(1, .calls(30), minimumCalls: 30))
            let counts = fixture.breaker.counts
            #expect(counts.calls == 30 && abs(3 * counts.failures - failures) < 3, "\(failures) of 90")
            // Evenly: any ten in a row have their share.
            try fixture.play(String(repeating: "S", count: 10))
            guard fixture.state == .closed else { continue }
            #expect(abs(9 * fixture.breaker.counts.failures - 2 * failures) <= 18, "\(failures) of 90")
        }
    }

    @Test func aWindowOfTimeKeepsTheAgeOfItsParts() throws {
        let fixture = try Fixture(rate(1, .time(.seconds(10), buckets: 10), minimumCalls: 100))
        try fixture.play("FFFFF", pause: .seconds(1))
        try fixture.breaker.update(rate(1, .time(.seconds(20), buckets: 20), minimumCalls: 100))
        fixture.clock.advance(by: .seconds(14))
        #expect(fixture.breaker.counts.failures == 5)
        fixture.clock.advance(by: .seconds(1))
        #expect(fixture.breaker.counts.failures == 4)
        try fixture.breaker.update(rate(1, .time(.seconds(18), buckets: 18), minimumCalls: 100))
        #expect(fixture.breaker.counts.failures == 2)
    }

    @Test func aCallThatStartedBeforeANewWindowOfTimeBeganCountsByItsAge() throws {
        for (seconds, left) in [(5, 0), (11, 1)] {
            let fixture = try Fixture(rate(1, .time(.seconds(30)), minimumCalls: 100))
            let call = try fixture.start()
            fixture.clock.advance(by: .seconds(seconds))
            try fixture.breaker.update(rate(1, .time(.seconds(10)), minimumCalls: 100))
            call.end("F")
            #expect(fixture.breaker.counts.failures == 1)
            fixture.clock.advance(by: .seconds(5))
            #expect(
                fixture.breaker.counts.failures == left,
                "a call counts in the part in which it started, unless that is more than half of the window ago")
        }
    }

    @Test func probesThatEndedAreJudgedByTheNewVerdict() throws {
        for (verdict, state) in [
            (CircuitBreaker.Verdict.successes(atLeast: 1), CircuitBreaker.State.closed),
            (.failureRate(below: 0.5), .open), (.failureRate(below: 1), .closed),
        ] {
            let fixture = try Fixture(.fragile(probes: 4, verdict: .successes(atLeast: 3)))
            fixture.breaker.open()
            fixture.clock.advance(by: .seconds(10))
            try fixture.play("SF")
            try fixture.breaker.update(.fragile(probes: 2, verdict: verdict))
            #expect(fixture.state == state)
        }
    }

    @Test func fewerProbesThanRunAreNotAddedTo() throws {
        let fixture = try Fixture(.fragile(probes: 3))
        fixture.breaker.open()
        fixture.clock.advance(by: .seconds(10))
        let probes = try (0..<3).map { _ in try fixture.start() }
        try fixture.breaker.update(.fragile(probes: 1))
        probes[0].end("C")
        #expect(!fixture.admits())
        probes[1].end("S")
        #expect(fixture.state == .closed)
    }

    @Test func theTimeOfProbesThatIsOverIsNotForgiven() throws {
        let fixture = try Fixture(.fragile(probes: 2))
        fixture.breaker.open()
        fixture.clock.advance(by: .seconds(10))
        try fixture.play("S")
        let hung = try fixture.start()
        fixture.clock.advance(by: .seconds(10))
        try fixture.breaker.update(.fragile(probes: 1))
        #expect(fixture.path == [.open, .halfOpen, .open])
        hung.end("S")
        #expect(fixture.state == .open)
    }

    @Test func aRefusedConfigurationChangesNothing() throws {
        let fixture = try Fixture(rate(0.5, .calls(10)))
        try fixture.play("FF")
        #expect(throws: ConfigurationError.self) { try fixture.breaker.update(rate(2, .calls(3), minimumCalls: 99)) }
        #expect(fixture.breaker.counts.failures == 2)
        try fixture.play("SF")
        #expect(fixture.state == .open)
    }

    @Test func theConditionsAreReplacedToo() throws {
        let fixture = try Fixture(.sixInARow)
        var other = Configuration.sixInARow
        other.ignores = .only(InjectedFailure.self)
        try fixture.breaker.update(other)
        try fixture.breaker.tryAcquirePermit().fail(InjectedFailure())
        #expect(fixture.breaker.counts.ignored == 1)
    }

    @Test func aBreakerThatNeedsNoTimeMayComeToNeedIt() throws {
        let fixture = try Fixture(rate(1, .calls(10), minimumCalls: 10), observed: false)
        fixture.clock.advance(by: .seconds(1000))
        let call = try fixture.start()
        var slow = rate(1, .time(.seconds(10)), minimumCalls: 10)
        slow.slowCallDuration = .seconds(1)
        try fixture.breaker.update(slow)
        fixture.clock.advance(by: .seconds(5))
        // When it started is not known: it counts as having started when it ended.
        call.end("F")
        #expect(fixture.breaker.counts.failures == 1 && fixture.breaker.counts.slow == 0)
        try fixture.play("S", taking: .seconds(2))
        #expect(fixture.breaker.counts.slow == 1)
    }
}
