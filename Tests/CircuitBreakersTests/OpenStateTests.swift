import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// An open breaker rejects calls until its break is over.
@Suite(.timeLimit(.minutes(30)))
struct OpenStateTests {
    private func opened(_ configuration: Configuration = .sixInARow, observed: Bool = true) throws -> Stage {
        let stage = try Stage(configuration, observed: observed)
        while stage.state == .closed { try stage.play("F") }
        return stage
    }

    @Test("GB-06: calls are rejected without being run, and a rejection is not a request", arguments: [true, false])
    func rejections(observed: Bool) async throws {
        let stage = try opened(observed: observed)
        let error = OpenError(policyName: "test", state: .open, retryAfter: .seconds(60))
        await #expect(throws: error) {
            try await stage.breaker.execute { Issue.record("the operation ran") }
        }
        await #expect(throws: error) {
            try await stage.breaker.execute { throw InjectedFailure() }
        }
        #expect(stage.breaker.counts == Counts())
        #expect(stage.breaker.totals.failed == 6 && stage.breaker.totals.rejected == 2)
    }

    @Test("GB-07: the break is over at exactly its end", arguments: [true, false])
    func endOfTheBreak(observed: Bool) throws {
        let stage = try opened(observed: observed)
        stage.clock.advance(by: .milliseconds(59_999))
        #expect(stage.state == .open)
        // The scenario's toolkit is still open at the very end; here the boundary is at or after it.
        stage.clock.advance(by: .milliseconds(1) - .nanoseconds(1))
        #expect(stage.state == .open)
        stage.expectRejection(retryAfter: .nanoseconds(1))
        stage.clock.advance(by: .nanoseconds(1))
        #expect(stage.state == .halfOpen)
        #expect(stage.breaker.remainingBreak == nil)
    }

    @Test(
        "GB-07: the first ask after the break is a probe, though nobody has read the state", arguments: [true, false])
    func firstAsk(observed: Bool) throws {
        let stage = try opened(observed: observed)
        stage.clock.advance(by: .seconds(60))
        try stage.play("S")
        #expect(stage.state == .closed)
    }

    @Test("GB-08: a failed probe restarts the break, a successful one closes")
    func probes() throws {
        let stage = try opened()
        stage.clock.advance(by: .seconds(60))
        try stage.play("F")
        #expect(stage.state == .open && stage.breaker.counts == Counts())
        #expect(stage.breaker.remainingBreak == .seconds(60))
        // The scenario goes one nanosecond past the end.
        stage.clock.advance(by: .seconds(60))
        #expect(stage.state == .halfOpen)
        try stage.play("S")
        #expect(stage.state == .closed && stage.breaker.counts == Counts())
    }

    private static let polly = Configuration(
        trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(10)), breakLength: .fixed(.seconds(1)),
        halfOpen: .init(probes: 1))

    @Test("PO-06, PO-07: a rejection says how much of the break is left", arguments: [true, false])
    func remainingBreak(observed: Bool) throws {
        let stage = try Stage(Self.polly, observed: observed)
        try stage.play("FFFFFFFFFF")
        #expect(stage.breaker.totals.opened == 1)
        stage.expectRejection(retryAfter: .seconds(1))
        stage.clock.advance(by: .milliseconds(500))
        stage.expectRejection(retryAfter: .milliseconds(500))
        #expect(stage.breaker.remainingBreak == .milliseconds(500))
    }

    @Test("PO-08, PO-09: a probe at the very end of the break")
    func probeAtTheEnd() throws {
        let stage = try Stage(Self.polly)
        try stage.play("FFFFFFFFFF")
        stage.clock.advance(by: .seconds(1))
        try stage.play("F")
        #expect(stage.path == [.open, .halfOpen, .open])
        #expect(stage.breaker.totals.opened == 2)
        stage.expectRejection(retryAfter: .seconds(1))
        stage.clock.advance(by: .seconds(1))
        try stage.play("S")
        #expect(stage.path == [.open, .halfOpen, .open, .halfOpen, .closed])
    }

    @Test(
        "X-11: a thousand rejections change no rate, no latency and no total but their own", arguments: [true, false])
    func thousandRejections(observed: Bool) throws {
        let stage = try opened(observed: observed)
        let before = stage.breaker.totals
        stage.recorder.clear()
        for _ in 1...1000 { #expect(throws: OpenError.self) { try stage.play("S") } }
        var expected = before
        expected.rejected += 1000
        #expect(stage.breaker.totals == expected)
        #expect(stage.events.count == (observed ? 1000 : 0) && stage.rejections == stage.events.count)
    }

    @Test("X-25: a break is measured on a monotonic clock alone")
    func monotonicTime() throws {
        // A breaker knows no wall clock that could be set back: an hour of it is invisible here, and the clock that
        // is injected cannot go back. What is left of the break depends on that clock only.
        let stage = try opened()
        stage.clock.advance(by: .seconds(20))
        stage.clock.advance(by: .seconds(-3600))
        #expect(stage.breaker.remainingBreak == .seconds(40))
        stage.clock.advance(by: .seconds(40))
        #expect(stage.state == .halfOpen)
    }

    @Test("a break begins when the breaker opens, also if no call needs to be timed", arguments: [true, false])
    func beginOfTheBreak(observed: Bool) throws {
        for trip in [
            CircuitBreaker.Trip.consecutiveFailures(2), .failureRate(0.5, minimumCalls: 2), .when { $0.failures == 2 },
        ] {
            let stage = try Stage(.init(trip: trip, breakLength: .fixed(.seconds(5))), observed: observed)
            stage.clock.advance(by: .seconds(1000))
            try stage.play("FF")
            #expect(stage.state == .open && stage.breaker.remainingBreak == .seconds(5))
            stage.expectRejection(retryAfter: .seconds(5))
        }
    }

    @Test("readings of a clock that moves between them never make a break negative")
    func restlessClock() throws {
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
