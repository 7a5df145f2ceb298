import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// An open breaker rejects calls until its break is over.
@Suite(.timeLimit(.minutes(30)))
struct OpenStateTests {
    private func opened(_ configuration: Configuration = .sixInARow, observed: Bool = true) throws -> Fixture {
        let fixture = try Fixture(configuration, observed: observed)
        while fixture.state == .closed { try fixture.play("F") }
        return fixture
    }

    @Test("GB-06: calls are rejected without being run, and a rejection is not a request", arguments: [true, false])
    func rejections(observed: Bool) async throws {
        let fixture = try opened(observed: observed)
        let error = OpenError(policyName: "test", state: .open, retryAfter: .seconds(60))
        await #expect(throws: error) {
            try await fixture.breaker.execute { Issue.record("the operation ran") }
        }
        await #expect(throws: error) {
            try await fixture.breaker.execute { throw InjectedFailure() }
        }
        #expect(fixture.breaker.counts == Counts())
        #expect(fixture.breaker.totals.failed == 6 && fixture.breaker.totals.rejected == 2)
    }

    @Test("GB-07: the break is over at exactly its end", arguments: [true, false])
    func endOfTheBreak(observed: Bool) throws {
        let fixture = try opened(observed: observed)
        fixture.clock.advance(by: .milliseconds(59_999))
        #expect(fixture.state == .open)
        // The scenario's toolkit is still open at the very end; here the boundary is at or after it.
        fixture.clock.advance(by: .milliseconds(1) - .nanoseconds(1))
        #expect(fixture.state == .open)
        fixture.expectRejection(retryAfter: .nanoseconds(1))
        fixture.clock.advance(by: .nanoseconds(1))
        #expect(fixture.state == .halfOpen)
        #expect(fixture.breaker.remainingBreak == nil)
    }

    @Test(
        "GB-07: the first ask after the break is a probe, though nobody has read the state", arguments: [true, false])
    func firstAsk(observed: Bool) throws {
        let fixture = try opened(observed: observed)
        fixture.clock.advance(by: .seconds(60))
        try fixture.play("S")
        #expect(fixture.state == .closed)
    }

    @Test("GB-08: a failed probe starts the break anew, a successful one closes")
    func probes() throws {
        let fixture = try opened()
        fixture.clock.advance(by: .seconds(60))
        try fixture.play("F")
        #expect(fixture.state == .open && fixture.breaker.counts == Counts())
        #expect(fixture.breaker.remainingBreak == .seconds(60))
        // The scenario goes one nanosecond past the end.
        fixture.clock.advance(by: .seconds(60))
        #expect(fixture.state == .halfOpen)
        try fixture.play("S")
        #expect(fixture.state == .closed && fixture.breaker.counts == Counts())
    }

    private static let polly = Configuration(
        trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(10)), breakLength: .fixed(.seconds(1)),
        halfOpen: .init(probes: 1))

    @Test("PO-06, PO-07: a rejection says how much of the break is left", arguments: [true, false])
    func remainingBreak(observed: Bool) throws {
        let fixture = try Fixture(Self.polly, observed: observed)
        try fixture.play("FFFFFFFFFF")
        #expect(fixture.breaker.totals.opened == 1)
        fixture.expectRejection(retryAfter: .seconds(1))
        fixture.clock.advance(by: .milliseconds(500))
        fixture.expectRejection(retryAfter: .milliseconds(500))
        #expect(fixture.breaker.remainingBreak == .milliseconds(500))
    }

    @Test("PO-08, PO-09: a probe at the very end of the break")
    func probeAtTheEnd() throws {
        let fixture = try Fixture(Self.polly)
        try fixture.play("FFFFFFFFFF")
        fixture.clock.advance(by: .seconds(1))
        try fixture.play("F")
        #expect(fixture.path == [.open, .halfOpen, .open])
        #expect(fixture.breaker.totals.opened == 2)
        fixture.expectRejection(retryAfter: .seconds(1))
        fixture.clock.advance(by: .seconds(1))
        try fixture.play("S")
        #expect(fixture.path == [.open, .halfOpen, .open, .halfOpen, .closed])
    }

    @Test(
        "X-11: a thousand rejections change no rate, no latency and no total but their own", arguments: [true, false])
    func thousandRejections(observed: Bool) throws {
        let fixture = try opened(observed: observed)
        let before = fixture.breaker.totals
        fixture.recorder.clear()
        for _ in 1...1000 { #expect(throws: OpenError.self) { try fixture.play("S") } }
        var expected = before
        expected.rejected += 1000
        #expect(fixture.breaker.totals == expected)
        #expect(fixture.events.count == (observed ? 1000 : 0) && fixture.rejections == fixture.events.count)
    }

    @Test("X-25: a break is measured on a monotonic clock alone")
    func monotonicTime() throws {
        // A breaker knows no wall clock that could be set back: an hour of it is invisible here, and the clock that
        // is injected cannot go back. What is left of the break depends on that clock only.
        let fixture = try opened()
        fixture.clock.advance(by: .seconds(20))
        fixture.clock.advance(by: .seconds(-3600))
        #expect(fixture.breaker.remainingBreak == .seconds(40))
        fixture.clock.advance(by: .seconds(40))
        #expect(fixture.state == .halfOpen)
    }

    @Test("a break begins when the breaker opens, also if no call needs to be timed", arguments: [true, false])
    func beginOfTheBreak(observed: Bool) throws {
        for trip in [
            CircuitBreaker.Trip.consecutiveFailures(2), .failureRate(0.5, minimumCalls: 2), .when { $0.failures == 2 },
        ] {
            let fixture = try Fixture(.init(trip: trip, breakLength: .fixed(.seconds(5))), observed: observed)
            fixture.clock.advance(by: .seconds(1000))
            try fixture.play("FF")
            #expect(fixture.state == .open && fixture.breaker.remainingBreak == .seconds(5))
            fixture.expectRejection(retryAfter: .seconds(5))
        }
    }

    @Test func readingsOfAClockThatMovesBetweenThemNeverMakeABreakNegative() throws {
        let clock = RestlessClock()
        let breaker = try CircuitBreaker("test", .fragile(), clock: clock)
        for _ in 1...200 {
            try breaker.open(for: .nanoseconds(Int64.random(in: 1...20)))
            for _ in 1...20 {
                if let rest = breaker.remainingBreak { #expect(rest > .zero) }
                let snapshot = breaker.snapshot
                #expect(throws: Never.self) { try CircuitBreaker("copy", .fragile(), restoring: snapshot) }
            }
        }
    }
}

/// A clock on which a nanosecond passes with every reading.
private final class RestlessClock: Clock {
    private let reading = Lock(Int64(0))

    var now: ManualClock.Instant {
        reading.withLock { reading in
            reading += 1
            return ManualClock.Instant(offset: .nanoseconds(reading))
        }
    }

    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {}
}
