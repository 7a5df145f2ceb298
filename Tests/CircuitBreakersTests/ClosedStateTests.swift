import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// A closed breaker counts calls and opens when its rule holds.
@Suite(.timeLimit(.minutes(30)))
struct ClosedStateTests {
    @Test("GB-03, GB-04: streaks are counted, and ended by the opposite outcome")
    func streaks() throws {
        let stage = try Stage(.sixInARow)
        try stage.play("FFFFF")
        #expect(stage.breaker.counts.row == [5, 0, 5, 0, 0, 5])
        try stage.play("S")
        #expect(stage.breaker.counts.row == [6, 1, 5, 0, 1, 0])
        try stage.play("F")
        #expect(stage.breaker.counts.row == [7, 1, 6, 0, 0, 1])
        #expect(stage.state == .closed)
    }

    @Test("GB-05: the sixth failure in a row opens the breaker, and the counts start over")
    func sixthFailure() throws {
        let stage = try Stage(.sixInARow)
        try stage.play("FFFFFSF")
        try stage.play("FFFF")
        #expect(stage.state == .closed)
        try stage.play("F")
        #expect(stage.state == .open)
        #expect(stage.breaker.counts == Counts())
    }

    /// The scenario counts excluded calls among the requests and takes them out again; here a rate knows none.
    static let intervals = Configuration(
        trip: .failureRate(0.6, minimumCalls: 3), window: .interval(.seconds(30)),
        breakLength: .fixed(.seconds(90)), halfOpen: .init(probes: 3))

    @Test("GB-09: an ignored call breaks no streak and changes no rate")
    func ignoredCalls() throws {
        let stage = try Stage(Self.intervals)
        for _ in 1...5 { try stage.play("SFX") }
        #expect(stage.state == .closed)
        #expect(stage.breaker.counts.row == [15, 5, 5, 5, 0, 1])
        #expect(stage.breaker.failureRate == 0.5)
    }

    @Test("GB-10: at the end of the interval all is forgotten")
    func interval() throws {
        let stage = try Stage(Self.intervals)
        for _ in 1...5 { try stage.play("SFX") }
        stage.clock.advance(by: .milliseconds(29_999))
        try stage.play("S")
        #expect(stage.breaker.counts.row == [16, 6, 5, 5, 1, 0])
        stage.clock.advance(by: .seconds(1))
        try stage.play("F")
        #expect(stage.breaker.counts.row == [1, 0, 1, 0, 0, 1])
    }

    @Test("GB-11: opens at two of three, with one event")
    func opensAtTwoOfThree() throws {
        let stage = try Stage(Self.intervals)
        try stage.play("FSF")
        #expect(stage.state == .open)
        #expect(stage.transitions.count == 1)
        #expect(stage.transitions.first?.from == .closed && stage.transitions.first?.to == .open)
        #expect(stage.transitions.first?.reason == .failureRate(2.0 / 3.0))
        #expect(stage.transitions.first?.counts.row == [3, 1, 2, 0, 0, 1])
        #expect(stage.transitions.first?.breakLength == .seconds(90))
    }

    @Test("R4-01, R4-02: the rule is checked after a success too")
    func opensOnASuccess() throws {
        let stage = try Stage(.halfOfFive)
        try stage.play("FFFS")
        #expect(stage.state == .closed)
        #expect(stage.breaker.failureRate == nil)
        #expect(stage.breaker.counts.calls == 4 && stage.breaker.counts.failures == 3)
        try stage.play("S")
        #expect(stage.state == .open)
        #expect(stage.transitions.map(\.reason) == [.failureRate(0.6)])
        stage.expectRejection(retryAfter: .seconds(5))
        // Here the window is empty while open; what was in it is in the event and in the totals.
        #expect(stage.transitions.first?.counts.calls == 5)
        #expect(stage.breaker.totals.rejected == 1 && stage.breaker.totals.calls == 6)
    }

    @Test("R4-03: the rate is reached at exactly the threshold")
    func opensAtTheThreshold() throws {
        let stage = try Stage(.halfOfFive)
        try stage.play("SSSFF", pause: .seconds(1))
        #expect(stage.state == .closed)
        #expect(stage.breaker.failureRate == 0.4)
        try stage.play("F")
        #expect(stage.state == .open)
        #expect(stage.transitions.first?.reason == .failureRate(0.5))
    }

    @Test("R4-04: slow calls open the breaker, whether they succeed or fail")
    func slowCalls() throws {
        let stage = try Stage(.halfOfFive)
        try stage.play("FS", taking: .seconds(5))
        try stage.play("FS", taking: .milliseconds(100))
        #expect(stage.state == .closed)
        try stage.play("S", taking: .seconds(5))
        #expect(stage.state == .open)
        #expect(stage.transitions.first?.reason == .slowCallRate(0.6))
        #expect(stage.transitions.first?.counts.failureRate == 0.4)
    }

    @Test("R4-05: durations come from the clock; a call of exactly the limit is not slow")
    func durations() throws {
        let stage = try Stage(.halfOfFive)
        var slow: [Int] = []
        for seconds in [5, 5, 1, 1] {
            try stage.play("S", taking: .seconds(seconds))
            slow.append(stage.breaker.counts.slow)
        }
        #expect(slow == [1, 2, 2, 2])
        try stage.play("S", taking: .seconds(5))
        #expect(stage.state == .open && stage.breaker.totals.slow == 3)

        let exact = try Stage(.halfOfFive)
        try exact.play("S", taking: .seconds(4))
        #expect(exact.breaker.counts.slow == 0)
        try exact.play("S", taking: .seconds(4) + .nanoseconds(1))
        #expect(exact.breaker.counts.slow == 1)
    }

    private func configuration(_ failures: Int, of calls: Int) -> Configuration {
        Configuration(
            trip: .failureRate(Double(failures) / Double(calls), minimumCalls: calls), window: .calls(calls),
            breakLength: .fixed(.seconds(1)))
    }

    @Test("FS-01: three failures of the last three calls")
    func threeOfThree() throws {
        let stage = try Stage(configuration(3, of: 3))
        try stage.play("FSFF")
        #expect(stage.state == .closed)
        try stage.play("F")
        #expect(stage.state == .open)
    }

    @Test("FS-02: two failures of the last three calls")
    func twoOfThree() throws {
        let stage = try Stage(configuration(2, of: 3))
        try stage.play("FS")
        #expect(stage.state == .closed)
        try stage.play("F")
        #expect(stage.state == .open)
    }

    @Test("FS-03, FS-04: alternating outcomes never reach three of four or two of two", arguments: [(3, 4), (2, 2)])
    func alternating(failures: Int, calls: Int) throws {
        let stage = try Stage(configuration(failures, of: calls))
        for _ in 1...20 {
            try stage.play("S")
            #expect(stage.state == .closed)
            try stage.play("F")
            #expect(stage.state == .closed)
        }
    }

    @Test(
        "HY-1, HY-2, HY-3: half of the calls failed",
        arguments: [("SSFSFSFF", 8, CircuitBreaker.State.open), ("SSFSSFSF", 8, .closed), ("FFFF", 4, .open)])
    func halfOfTheCalls(script: String, volume: Int, state: CircuitBreaker.State) throws {
        let stage = try Stage(.init(trip: .failureRate(0.5, minimumCalls: volume), window: .time(.seconds(10))))
        try stage.play(script)
        #expect(stage.state == state)
    }
}
