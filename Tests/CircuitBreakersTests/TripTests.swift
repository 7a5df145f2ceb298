import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// The rules by which a breaker opens.
@Suite(.timeLimit(.minutes(30)))
struct TripTests {
    /// The scenario gives (calls, rate) pairs; these are the calls that lead to them.
    @Test(
        "PO-01: ratio 0.1 of at least ten calls",
        arguments: [(10, 0, false), (10, 1, true), (10, 2, true), (11, 2, true), (9, 1, false)])
    func ratio(calls: Int, failures: Int, opens: Bool) throws {
        let stage = try Stage(.init(trip: .failureRate(0.1, minimumCalls: 10), window: .time(.seconds(10))))
        try stage.play(String(repeating: "S", count: calls - failures))
        #expect(stage.state == .closed)
        for _ in 0..<failures where stage.state == .closed { try stage.play("F") }
        #expect(stage.state == (opens ? .open : .closed))
    }

    @Test("X-08: 99 of 200 is not half")
    func exactRates() throws {
        let stage = try Stage(.init(trip: .failureRate(0.5, minimumCalls: 200), window: .calls(200)))
        try stage.play(String(repeating: "S", count: 101) + String(repeating: "F", count: 99))
        #expect(stage.state == .closed && stage.breaker.failureRate == 0.495)
        try stage.play("F")
        #expect(stage.state == .open)
    }

    @Test("every decimal rate is reached exactly")
    func decimals() throws {
        for percent in 1...100 {
            let rate = Double(percent) / 100
            let literal = try #require(Double("\(percent)e-2"))
            #expect(rate == literal)
            let stage = try Stage(
                .init(trip: .failureRate(literal, minimumCalls: 100), window: .calls(100)), observed: false)
            try stage.play(String(repeating: "F", count: percent - 1) + String(repeating: "S", count: 100 - percent))
            #expect(stage.state == .closed)
            try stage.play("F")
            #expect(stage.state == .open, "\(percent) of 100")
        }
    }

    @Test("below the minimum there is no rate")
    func minimum() throws {
        let stage = try Stage(
            .init(
                trip: .any(.failureRate(0.9, minimumCalls: 4), .failureRate(0.5, minimumCalls: 6)),
                window: .calls(10)))
        try stage.play("FFF")
        #expect(stage.breaker.failureRate == nil && stage.breaker.slowCallRate == 0)
        try stage.play("S")
        #expect(stage.breaker.failureRate == 0.75)
        try stage.play("S")
        #expect(stage.state == .closed)
        try stage.play("S")
        #expect(stage.state == .open)
        #expect(stage.transitions.first?.reason == .failureRate(0.5))
    }

    @Test("any of several rules opens the breaker, and is the reason")
    func several() throws {
        let configuration = Configuration(
            trip: .any(
                .slowCallRate(0.5, minimumCalls: 4), .slowCallRate(1, minimumCalls: 2), .consecutiveFailures(5),
                .consecutiveFailures(3), .failureRate(1, minimumCalls: 9)),
            window: .calls(10), slowCallDuration: .seconds(1))
        let slow = try Stage(configuration)
        try slow.play("S", taking: .seconds(2))
        #expect(slow.breaker.slowCallRate == nil)
        try slow.play("SS")
        #expect(slow.state == .closed)
        try slow.play("S", taking: .seconds(2))
        #expect(slow.transitions.map(\.reason) == [.slowCallRate(0.5)])
        let all = try Stage(configuration)
        try all.play("SS", taking: .seconds(2))
        #expect(all.transitions.map(\.reason) == [.slowCallRate(1)])
        let row = try Stage(configuration)
        try row.play("FFXCF")
        #expect(row.transitions.map(\.reason) == [.consecutiveFailures(3)])
    }

    @Test("a predicate sees the counts after every call")
    func predicate() throws {
        let seen = Log<[Int]>()
        let stage = try Stage(
            .init(
                trip: .when { counts in
                    seen.append(counts.row)
                    return counts.ignored == 1
                }))
        try stage.play("SFC")
        #expect(seen.elements == [[1, 1, 0, 0, 1, 0], [2, 1, 1, 0, 0, 1]])
        #expect(stage.state == .closed)
        try stage.play("X")
        #expect(stage.state == .open)
        #expect(stage.transitions.map(\.reason) == [.predicate])
    }

    @Test("a predicate may use the breaker")
    func reentrance() throws {
        let breakerOfPredicate = Log<CircuitBreaker>()
        let stage = try Stage(
            .init(
                trip: .when { counts in
                    guard let breaker = breakerOfPredicate.elements.first else { return false }
                    return breaker.counts == counts && breaker.state == .closed && counts.failures == 2
                }))
        breakerOfPredicate.append(stage.breaker)
        try stage.play("FF")
        #expect(stage.state == .open)
    }

    @Test("a change of state while the rule is asked goes first")
    func changeMeanwhile() throws {
        let breakers = Log<CircuitBreaker>()
        let isolating = Configuration(
            trip: .when { _ in
                breakers.elements.last?.isolate()
                return true
            })
        let closing = Configuration(
            trip: .consecutiveFailures(1),
            breakLength: .custom(upTo: .seconds(9)) { _ in
                breakers.elements.last?.close()
                return .seconds(1)
            })
        for (configuration, state) in [(isolating, CircuitBreaker.State.isolated), (closing, .closed)] {
            let stage = try Stage(configuration)
            breakers.append(stage.breaker)
            try stage.play("F")
            #expect(stage.state == state && stage.breaker.totals.opened == 0)
            #expect(stage.breaker.counts == Counts())
        }
    }

    @Test("a slow probe is no success if the rule looks at slow calls")
    func slowProbe() throws {
        for (trip, state) in [
            (CircuitBreaker.Trip.slowCallRate(1, minimumCalls: 9), CircuitBreaker.State.open),
            (.consecutiveFailures(9), .closed),
        ] {
            let stage = try Stage(
                .init(
                    trip: trip, window: .calls(9), slowCallDuration: .seconds(1), breakLength: .fixed(.seconds(10)),
                    halfOpen: .init(probes: 1)))
            stage.breaker.open()
            stage.clock.advance(by: .seconds(10))
            try stage.play("S", taking: .seconds(2))
            #expect(stage.state == state)
        }
    }

    @Test("after a success no rule can hold that counts failures alone, or has none to count")
    func afterSuccess() {
        typealias Counts = CircuitBreaker.Counts
        for trip in [.failureRate(0.5), .slowCallRate(0.5), .consecutiveFailures(3)] as [CircuitBreaker.Trip] {
            #expect(!TripCheck(trip).canHold(afterSuccess: Counts()))
            #expect(!TripCheck(trip).canHold(afterSuccess: Counts(successes: 5)))
        }
        #expect(!TripCheck(.consecutiveFailures(3)).canHold(afterSuccess: Counts(successes: 5, failures: 1)))
        #expect(TripCheck(.failureRate(0.5, minimumCalls: 10)).canHold(afterSuccess: Counts(successes: 5, failures: 1)))
    }
}
