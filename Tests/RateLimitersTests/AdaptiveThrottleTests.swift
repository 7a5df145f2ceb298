import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

/// A throttle on a manual clock, with what it reports.
struct ThrottleFixture: Sendable {
    let clock = ManualClock()
    let recorder = EventRecorder()
    let throttle: AdaptiveThrottle

    init(
        _ configuration: AdaptiveThrottle.Configuration = .init(), observed: Bool = true,
        random: RandomSource = .constant(0)
    ) throws {
        throttle = try AdaptiveThrottle(
            "payments", configuration, clock: clock, random: random, observers: observed ? [recorder] : [])
    }

    /// Makes calls one after another: `A`ccepted, `R`efused, `X` for ignored, `C`ancelled.
    func play(_ script: String) throws {
        for letter in script {
            try throttle.tryAcquirePermit().complete(as: throttleOutcome(letter))
        }
    }

    func isRejected() -> Bool { (try? throttle.tryAcquirePermit().complete(as: .cancelled)) == nil }

    var events: [AdaptiveThrottle.Event] { recorder.events(of: AdaptiveThrottle.Event.self) }
    var eventNames: [String] { events.map { String($0.name.dropFirst("adaptive_throttle.".count)) } }
}

func throttleOutcome(_ letter: Character) -> AdaptiveThrottle.Outcome {
    switch letter {
    case "A": .accepted
    case "R": .refused
    case "X": .ignored
    default: .cancelled
    }
}

extension AdaptiveThrottle.Configuration {
    /// The rule of the book, without the bounds of this package.
    static let book = AdaptiveThrottle.Configuration(maxRejection: 1, minimumRequests: 0)
}

@Suite struct AdaptiveThrottleTests {
    @Test("SR-1: K = 2, 100 requests", arguments: [(60, 0.0), (50, 0.0), (40, 20.0 / 101), (0, 100.0 / 101)])
    func book(accepts: Int, probability: Double) throws {
        let fixture = try ThrottleFixture(.book, random: .constant(1))
        try fixture.play(String(repeating: "A", count: accepts) + String(repeating: "R", count: 100 - accepts))
        #expect(fixture.throttle.requests == 100)
        #expect(fixture.throttle.accepts == accepts)
        #expect(fixture.throttle.rejectionProbability == probability)
    }

    @Test("rejected calls are requests too")
    func rejectedCallsCount() throws {
        let fixture = try ThrottleFixture(.book, random: .constant(0))
        try fixture.play("R")
        #expect(fixture.throttle.rejectionProbability == 1.0 / 2)
        #expect(fixture.isRejected())
        #expect(fixture.throttle.requests == 2)
        #expect(fixture.throttle.rejectionProbability == 2.0 / 3)
        #expect(fixture.throttle.totals.rejected == 1)
    }

    @Test("the multiplier is how many calls go through for each that is accepted", arguments: [1.0, 1.5, 4])
    func multiplier(multiplier: Double) throws {
        var configuration = AdaptiveThrottle.Configuration.book
        configuration.multiplier = multiplier
        let fixture = try ThrottleFixture(configuration, random: .constant(1))
        try fixture.play(String(repeating: "AR", count: 10) + String(repeating: "R", count: 20))
        #expect(fixture.throttle.rejectionProbability == max(0, 40 - multiplier * 10) / 41)
    }

    @Test("no more than the maximum is rejected, and nothing below the minimum of requests")
    func bounds() throws {
        let fixture = try ThrottleFixture(random: .constant(1))
        try fixture.play("RRRRRRRRR")
        #expect(fixture.throttle.rejectionProbability == 0)
        try fixture.play("R")
        #expect(fixture.throttle.rejectionProbability == 0.9)
    }

    @Test("the draw decides: below the probability a call is rejected")
    func draw() throws {
        for (draw, isRejected) in [(0, true), (0.49, true), (0.5, false), (1, false)] {
            let fixture = try ThrottleFixture(.book, random: .constant(draw))
            try fixture.play("R")
            #expect(fixture.isRejected() == isRejected, "draw \(draw)")
        }
    }

    @Test("at a probability of 0 nothing is rejected or drawn")
    func calm() throws {
        let draws = Lock(0)
        let random = RandomSource {
            draws.withLock { $0 += 1 }
            return 0
        }
        let fixture = try ThrottleFixture(random: random)
        try fixture.play("AAAAAAAAAARRRRRRRRRR")
        #expect(draws.withLock { $0 } == 0)
        try fixture.play("R")
        #expect(fixture.isRejected())
        #expect(draws.withLock { $0 } == 1)
    }

    @Test("the window forgets in parts; reading forgets what is old")
    func window() throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let fixture = try ThrottleFixture(configuration, random: .constant(1))
        try fixture.play("AA")
        fixture.clock.advance(by: .seconds(2))
        try fixture.play("RRR")
        #expect(fixture.throttle.rejectionProbability == 1.0 / 6)
        fixture.clock.advance(by: .seconds(8) - .nanoseconds(1))
        #expect(fixture.throttle.requests == 5)
        fixture.clock.advance(by: .nanoseconds(1))
        #expect(fixture.throttle.requests == 3 && fixture.throttle.accepts == 0)
        #expect(fixture.throttle.rejectionProbability == 3.0 / 4)
        fixture.clock.advance(by: .seconds(2))
        #expect(fixture.throttle.requests == 0)
        fixture.clock.advance(by: .seconds(1_000_000_000))
        #expect(fixture.throttle.rejectionProbability == 0)
        #expect(fixture.throttle.totals.calls == 5)
    }

    @Test("accepts that expire make a calm throttle reject, without anything recorded")
    func expiryEndsTheCalm() throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let fixture = try ThrottleFixture(configuration)
        try fixture.play("AAAA")
        fixture.clock.advance(by: .seconds(2))
        try fixture.play("RRR")
        fixture.clock.advance(by: .seconds(6))
        #expect(!fixture.isRejected())
        fixture.clock.advance(by: .seconds(2) - .nanoseconds(1))
        #expect(!fixture.isRejected())
        fixture.clock.advance(by: .nanoseconds(1))
        #expect(fixture.isRejected())
    }

    @Test("a call counts in the part in which it began, or ended if that is more than half of the window ago")
    func partOfACall() throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let fixture = try ThrottleFixture(configuration, random: .constant(1))
        let early = try fixture.throttle.tryAcquirePermit()
        let late = try fixture.throttle.tryAcquirePermit()
        #expect(fixture.throttle.requests == 0)
        fixture.clock.advance(by: .seconds(5))
        let isEarlyCounted = early.succeed()
        #expect(isEarlyCounted)
        #expect(fixture.throttle.requests == 1)
        fixture.clock.advance(by: .seconds(5))
        #expect(fixture.throttle.requests == 0)
        let isLateCounted = late.succeed()
        #expect(isLateCounted)
        #expect(fixture.throttle.requests == 1)
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.throttle.requests == 0)
        #expect(fixture.throttle.totals.accepted == 2)
    }

    @Test(
        "calls that take longer than the window are seen, alone and among others", arguments: [15, 25, 1_000], [1, 4])
    func longCalls(seconds: Int, atOnce: Int) async throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let fixture = try ThrottleFixture(configuration, observed: false, random: .constant(1))
        let throttle = fixture.throttle
        @Sendable func call() async { try? await throttle.execute { throw InjectedFailure() } }
        for _ in 0..<3 {
            let permits = try (0..<atOnce).map { _ in RunningThrottledCall(try throttle.tryAcquirePermit()) }
            await #expect(throws: InjectedFailure.self) {
                try await throttle.execute {
                    fixture.clock.advance(by: .seconds(seconds))
                    throw InjectedFailure()
                }
            }
            for permit in permits { permit.end(.refused) }
            #expect(throttle.requests == atOnce + 1 && throttle.accepts == 0)
            #expect(throttle.rejectionProbability > 0)
        }
        // And so are successes, while there is something to be made good.
        try await throttle.execute { fixture.clock.advance(by: .seconds(9)) }
        #expect(throttle.accepts == 1)
    }

    @Test("a condition sees the value of a permit that is ended by hand, and nobody keeps it")
    func valueOfAPermit() throws {
        final class Response: Sendable {}
        let seen = Lock<Response?>(nil)
        let conditions = ErrorCondition { error in
            seen.withLock { $0 = (error as? UnacceptedResult)?.value(as: Response.self) }
            return seen.withLock { $0 } != nil
        }
        let throttle = try AdaptiveThrottle("t", .init(handles: conditions))
        let response = Response()
        let isCounted = try throttle.tryAcquirePermit().succeed(with: response) { _ in false }
        #expect(isCounted)
        #expect(seen.withLock { $0 } === response && throttle.totals.refused == 1)
    }

    @Test("what the state is told first from a new part moves the window on")
    func newPart() {
        func second(_ seconds: Int64) -> TimeSource.Instant { .init(nanoseconds: seconds * 1_000_000_000) }
        var state = AdaptiveThrottleState(.init(window: .seconds(10), buckets: 5, minimumRequests: 0), now: second(0))
        state.record(.accepted, startedAt: second(0))
        state.record(.refused, startedAt: second(11))
        #expect(state.requests == 1 && state.accepts == 0 && state.rejectionProbability == 0.5)
        state.reject(now: second(30))
        #expect(state.requests == 1 && state.totals.calls == 3)
    }

    @Test("ignored and cancelled calls count neither way; a dropped permit is cancelled")
    func neutral() throws {
        let fixture = try ThrottleFixture(.book)
        try fixture.play("XC")
        _ = try fixture.throttle.tryAcquirePermit()
        #expect(fixture.throttle.requests == 0)
        let totals = fixture.throttle.totals
        #expect([totals.ignored, totals.cancelled, totals.calls] == [1, 2, 3])
    }

    @Test("a rejected call does not run, and its error says what happened")
    func rejection() async throws {
        let draw = Lock(1.0)
        let fixture = try ThrottleFixture(.book, random: RandomSource { draw.withLock { $0 } })
        try fixture.play("AARRRRR")
        draw.withLock { $0 = 0 }
        let error = await #expect(throws: AdaptiveThrottle.RejectedError.self) {
            try await fixture.throttle.execute { Issue.record("has run") }
        }
        #expect(error?.policyName == "payments" && error?.probability == 3.0 / 8)
        #expect(error?.retryAfter == nil)
        #expect(error?.reason == "adaptive throttle sheds load")
        #expect(error?.description == "adaptive throttle \"payments\" rejects calls with a probability of 0.375")
    }

    @Test("events: when it begins and ends, each call and rejection")
    func events() throws {
        let fixture = try ThrottleFixture(.book)
        try fixture.play("A")
        let permit = try fixture.throttle.tryAcquirePermit()
        fixture.clock.advance(by: .seconds(1))
        permit.complete(as: .refused)
        try fixture.play("R")
        #expect(fixture.isRejected())
        #expect(fixture.isRejected())
        fixture.clock.advance(by: .seconds(120))
        try fixture.play("A")
        #expect(
            fixture.eventNames == [
                "called", "called", "called", "throttling", "rejected", "rejected", "recovered", "called",
            ])
        #expect(fixture.events.allSatisfy { $0.source == "payments" })
        #expect(
            fixture.events[1].description == "adaptive throttle \"payments\" saw a call: refused, 1 second")
        #expect(fixture.events[3].description == "adaptive throttle \"payments\" begins to reject calls")
        #expect(fixture.events[4].description.hasSuffix("with a probability of 0.25"))
        #expect(fixture.events[6].description == "adaptive throttle \"payments\" rejects no more calls")
        #expect(fixture.events.map(\.severity)[2...6] == [.debug, .warning, .debug, .debug, .info])
    }

    @Test("an observer may call the throttle, and one that is added later hears from then on")
    func observers() throws {
        struct Caller: PolicyObserver {
            let read: @Sendable () -> Void
            func observe(_ event: some PolicyEvent) { read() }
        }
        let fixture = try ThrottleFixture(.book, observed: false)
        let seen = Lock<[Int]>([])
        fixture.throttle.addObserver(
            Caller { [throttle = fixture.throttle] in seen.withLock { $0.append(throttle.requests) } })
        try fixture.play("AA")
        #expect(seen.withLock { $0 } == [1, 2])
    }

    @Test("totals add up, and saturate")
    func totals() throws {
        let fixture = try ThrottleFixture(.book, observed: false)
        try fixture.play("XCARR")
        #expect(fixture.isRejected())
        let totals = fixture.throttle.totals
        #expect(
            [totals.accepted, totals.refused, totals.ignored, totals.cancelled, totals.rejected] == [1, 2, 1, 1, 1])
        #expect(totals.calls == 6)
        let sum = totals + totals
        #expect([sum.accepted, sum.refused, sum.ignored, sum.cancelled, sum.rejected] == [2, 4, 2, 2, 2])
        var large = totals
        large.accepted = .max
        #expect((large + totals).accepted == .max && large.calls == .max)
    }
}
