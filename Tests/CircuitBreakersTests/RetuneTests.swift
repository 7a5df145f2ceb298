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
        let stage = try Stage(rate(0.9, .calls(10)))
        try stage.play("SFFF")
        let (counts, totals) = (stage.breaker.counts, stage.breaker.totals)
        try stage.breaker.update(rate(0.5, .calls(10)))
        #expect(stage.state == .closed && stage.breaker.counts == counts && stage.breaker.totals == totals)
        try stage.play("S")
        #expect(stage.state == .open && stage.transitions.first?.reason == .failureRate(0.6))
    }

    @Test("X-19: a running call stays the breaker's, a break keeps its length")
    func runningCallAndBreak() throws {
        let stage = try Stage(.fragile())
        let call = try stage.start()
        var longer = Configuration.fragile(probes: 2)
        longer.breakLength = .fixed(.seconds(99))
        try stage.breaker.update(longer)
        call.end("F")
        #expect(stage.breaker.remainingBreak == .seconds(99) && stage.breaker.totals.late == 0)
        try stage.breaker.update(.fragile())
        #expect(stage.breaker.remainingBreak == .seconds(99))
        stage.clock.advance(by: .seconds(99))
        try stage.play("S")
        #expect(stage.state == .closed)
    }

    @Test("a window of calls is cut to the latest")
    func fewerCalls() throws {
        let stage = try Stage(rate(1, .calls(6), minimumCalls: 5))
        try stage.play("FFFSXF")
        try stage.breaker.update(rate(1, .calls(2), minimumCalls: 2))
        #expect(stage.breaker.counts.row == [3, 1, 1, 1, 0, 1])
        try stage.breaker.update(rate(1, .calls(6), minimumCalls: 5))
        try stage.play("S")
        #expect(stage.breaker.counts.row == [4, 2, 1, 1, 1, 0])
    }

    @Test("counts that fit are taken over exactly")
    func exact() throws {
        let windows: [CircuitBreaker.Window] = [.unbounded, .time(.seconds(100)), .calls(100), .interval(.seconds(60))]
        for failures in 0...49 {
            for (from, to) in zip(windows, windows.dropFirst() + windows.prefix(1)) {
                let stage = try Stage(rate(1, from, minimumCalls: 100), observed: false)
                try stage.play(String(repeating: "F", count: failures))
                try stage.play(String(repeating: "S", count: 49 - failures) + "X")
                let before = stage.breaker.counts
                try stage.breaker.update(rate(1, to, minimumCalls: 100))
                #expect(stage.breaker.counts == before, "\(failures) of 49 from \(from) to \(to)")
            }
        }
    }

    @Test("a smaller window of another kind keeps the rate")
    func otherKind() throws {
        for failures in 0...90 {
            let stage = try Stage(rate(1, .unbounded, minimumCalls: 100), observed: false)
            try stage.play(String(repeating: "F", count: failures) + String(repeating: "S", count: 90 - failures))
            try stage.breaker.update(rate(1, .calls(30), minimumCalls: 30))
            let counts = stage.breaker.counts
            #expect(counts.calls == 30 && abs(3 * counts.failures - failures) < 3, "\(failures) of 90")
            // Evenly: any ten in a row have their share.
            try stage.play(String(repeating: "S", count: 10))
            guard stage.state == .closed else { continue }
            #expect(abs(9 * stage.breaker.counts.failures - 2 * failures) <= 18, "\(failures) of 90")
        }
    }

    @Test("a window of time keeps the age of its parts")
    func age() throws {
        let stage = try Stage(rate(1, .time(.seconds(10), buckets: 10), minimumCalls: 100))
        try stage.play("FFFFF", pause: .seconds(1))
        try stage.breaker.update(rate(1, .time(.seconds(20), buckets: 20), minimumCalls: 100))
        stage.clock.advance(by: .seconds(14))
        #expect(stage.breaker.counts.failures == 5)
        stage.clock.advance(by: .seconds(1))
        #expect(stage.breaker.counts.failures == 4)
        try stage.breaker.update(rate(1, .time(.seconds(18), buckets: 18), minimumCalls: 100))
        #expect(stage.breaker.counts.failures == 2)
    }

    @Test("a call that started before a new window of time began counts by its age")
    func earlierCall() throws {
        for (seconds, left) in [(5, 0), (11, 1)] {
            let stage = try Stage(rate(1, .time(.seconds(30)), minimumCalls: 100))
            let call = try stage.start()
            stage.clock.advance(by: .seconds(seconds))
            try stage.breaker.update(rate(1, .time(.seconds(10)), minimumCalls: 100))
            call.end("F")
            #expect(stage.breaker.counts.failures == 1)
            stage.clock.advance(by: .seconds(5))
            #expect(
                stage.breaker.counts.failures == left,
                "a call counts in the part in which it started, unless that is more than half of the window ago")
        }
    }

    @Test("probes that ended are judged by the new verdict")
    func verdict() throws {
        for (verdict, state) in [
            (CircuitBreaker.Verdict.successes(atLeast: 1), CircuitBreaker.State.closed),
            (.failureRate(below: 0.5), .open), (.failureRate(below: 1), .closed),
        ] {
            let stage = try Stage(.fragile(probes: 4, verdict: .successes(atLeast: 3)))
            stage.breaker.open()
            stage.clock.advance(by: .seconds(10))
            try stage.play("SF")
            try stage.breaker.update(.fragile(probes: 2, verdict: verdict))
            #expect(stage.state == state)
        }
    }

    @Test("fewer probes than run are not added to")
    func fewerProbes() throws {
        let stage = try Stage(.fragile(probes: 3))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        let probes = try (0..<3).map { _ in try stage.start() }
        try stage.breaker.update(.fragile(probes: 1))
        probes[0].end("C")
        #expect(!stage.admits())
        probes[1].end("S")
        #expect(stage.state == .closed)
    }

    @Test("the time of probes that is over is not forgiven")
    func overdueProbe() throws {
        let stage = try Stage(.fragile(probes: 2))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        try stage.play("S")
        let hung = try stage.start()
        stage.clock.advance(by: .seconds(10))
        try stage.breaker.update(.fragile(probes: 1))
        #expect(stage.path == [.open, .halfOpen, .open])
        hung.end("S")
        #expect(stage.state == .open)
    }

    @Test("a refused configuration changes nothing")
    func refused() throws {
        let stage = try Stage(rate(0.5, .calls(10)))
        try stage.play("FF")
        #expect(throws: ConfigurationError.self) { try stage.breaker.update(rate(2, .calls(3), minimumCalls: 99)) }
        #expect(stage.breaker.counts.failures == 2)
        try stage.play("SF")
        #expect(stage.state == .open)
    }

    @Test("the conditions are replaced too")
    func conditions() throws {
        let stage = try Stage(.sixInARow)
        var other = Configuration.sixInARow
        other.ignores = .only(InjectedFailure.self)
        try stage.breaker.update(other)
        try stage.breaker.tryAcquirePermit().fail(InjectedFailure())
        #expect(stage.breaker.counts.ignored == 1)
    }

    @Test("a breaker that needs no time may come to need it")
    func timeless() throws {
        let stage = try Stage(rate(1, .calls(10), minimumCalls: 10), observed: false)
        stage.clock.advance(by: .seconds(1000))
        let call = try stage.start()
        var slow = rate(1, .time(.seconds(10)), minimumCalls: 10)
        slow.slowCallDuration = .seconds(1)
        try stage.breaker.update(slow)
        stage.clock.advance(by: .seconds(5))
        // When it started is not known: it counts as having started when it ended.
        call.end("F")
        #expect(stage.breaker.counts.failures == 1 && stage.breaker.counts.slow == 0)
        try stage.play("S", taking: .seconds(2))
        #expect(stage.breaker.counts.slow == 1)
    }
}
