import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

/// A throttle on a manual clock, with what it reports.
struct ThrottleStage: Sendable {
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
        let stage = try ThrottleStage(.book, random: .constant(1))
        try stage.play(String(repeating: "A", count: accepts) + String(repeating: "R", count: 100 - accepts))
        #expect(stage.throttle.requests == 100)
        #expect(stage.throttle.accepts == accepts)
        #expect(stage.throttle.rejectionProbability == probability)
    }

    @Test("rejected calls are requests too")
    func rejectedCallsCount() throws {
        let stage = try ThrottleStage(.book, random: .constant(0))
        try stage.play("R")
        #expect(stage.throttle.rejectionProbability == 1.0 / 2)
        #expect(stage.isRejected())
        #expect(stage.throttle.requests == 2)
        #expect(stage.throttle.rejectionProbability == 2.0 / 3)
        #expect(stage.throttle.totals.rejected == 1)
    }

    @Test("the multiplier is how many calls go through for each that is accepted", arguments: [1.0, 1.5, 4])
    func multiplier(multiplier: Double) throws {
        var configuration = AdaptiveThrottle.Configuration.book
        configuration.multiplier = multiplier
        let stage = try ThrottleStage(configuration, random: .constant(1))
        try stage.play(String(repeating: "AR", count: 10) + String(repeating: "R", count: 20))
        #expect(stage.throttle.rejectionProbability == max(0, 40 - multiplier * 10) / 41)
    }

    @Test("no more than the maximum is rejected, and nothing below the minimum of requests")
    func bounds() throws {
        let stage = try ThrottleStage(random: .constant(1))
        try stage.play("RRRRRRRRR")
        #expect(stage.throttle.rejectionProbability == 0)
        try stage.play("R")
        #expect(stage.throttle.rejectionProbability == 0.9)
    }

    @Test("the draw decides: below the probability a call is rejected")
    func draw() throws {
        for (draw, isRejected) in [(0, true), (0.49, true), (0.5, false), (1, false)] {
            let stage = try ThrottleStage(.book, random: .constant(draw))
            try stage.play("R")
            #expect(stage.isRejected() == isRejected, "draw \(draw)")
        }
    }

    @Test("at a probability of 0 nothing is rejected or drawn")
    func calm() throws {
        let draws = Lock(0)
        let random = RandomSource {
            draws.withLock { $0 += 1 }
            return 0
        }
        let stage = try ThrottleStage(random: random)
        try stage.play("AAAAAAAAAARRRRRRRRRR")
        #expect(draws.withLock { $0 } == 0)
        try stage.play("R")
        #expect(stage.isRejected())
        #expect(draws.withLock { $0 } == 1)
    }

    @Test("the window forgets in parts; reading forgets what is old")
    func window() throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let stage = try ThrottleStage(configuration, random: .constant(1))
        try stage.play("AA")
        stage.clock.advance(by: .seconds(2))
        try stage.play("RRR")
        #expect(stage.throttle.rejectionProbability == 1.0 / 6)
        stage.clock.advance(by: .seconds(8) - .nanoseconds(1))
        #expect(stage.throttle.requests == 5)
        stage.clock.advance(by: .nanoseconds(1))
        #expect(stage.throttle.requests == 3 && stage.throttle.accepts == 0)
        #expect(stage.throttle.rejectionProbability == 3.0 / 4)
        stage.clock.advance(by: .seconds(2))
        #expect(stage.throttle.requests == 0)
        stage.clock.advance(by: .seconds(1_000_000_000))
        #expect(stage.throttle.rejectionProbability == 0)
        #expect(stage.throttle.totals.calls == 5)
    }

    @Test("accepts that expire make a calm throttle reject, without anything recorded")
    func expiryEndsTheCalm() throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let stage = try ThrottleStage(configuration)
        try stage.play("AAAA")
        stage.clock.advance(by: .seconds(2))
        try stage.play("RRR")
        stage.clock.advance(by: .seconds(6))
        #expect(!stage.isRejected())
        stage.clock.advance(by: .seconds(2) - .nanoseconds(1))
        #expect(!stage.isRejected())
        stage.clock.advance(by: .nanoseconds(1))
        #expect(stage.isRejected())
    }

    @Test("a call counts in the part in which it began, or ended if that is more than half of the window ago")
    func partOfACall() throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let stage = try ThrottleStage(configuration, random: .constant(1))
        let early = try stage.throttle.tryAcquirePermit()
        let late = try stage.throttle.tryAcquirePermit()
        #expect(stage.throttle.requests == 0)
        stage.clock.advance(by: .seconds(5))
        let isEarlyCounted = early.succeed()
        #expect(isEarlyCounted)
        #expect(stage.throttle.requests == 1)
        stage.clock.advance(by: .seconds(5))
        #expect(stage.throttle.requests == 0)
        let isLateCounted = late.succeed()
        #expect(isLateCounted)
        #expect(stage.throttle.requests == 1)
        stage.clock.advance(by: .seconds(10))
        #expect(stage.throttle.requests == 0)
        #expect(stage.throttle.totals.accepted == 2)
    }

    @Test(
        "calls that take longer than the window are seen, alone and among others", arguments: [15, 25, 1_000], [1, 4])
    func longCalls(seconds: Int, atOnce: Int) async throws {
        let configuration = AdaptiveThrottle.Configuration(
            window: .seconds(10), buckets: 5, maxRejection: 1, minimumRequests: 0)
        let stage = try ThrottleStage(configuration, observed: false, random: .constant(1))
        let throttle = stage.throttle
        @Sendable func call() async { try? await throttle.execute { throw InjectedFailure() } }
        for _ in 0..<3 {
            let permits = try (0..<atOnce).map { _ in RunningThrottledCall(try throttle.tryAcquirePermit()) }
            await #expect(throws: InjectedFailure.self) {
                try await throttle.execute {
                    stage.clock.advance(by: .seconds(seconds))
                    throw InjectedFailure()
                }
            }
            for permit in permits { permit.end(.refused) }
            #expect(throttle.requests == atOnce + 1 && throttle.accepts == 0)
            #expect(throttle.rejectionProbability > 0)
        }
        // And so are successes, while there is something to be made good.
        try await throttle.execute { stage.clock.advance(by: .seconds(9)) }
        #expect(throttle.accepts == 1)
    }

    @Test("a condition sees the value of a permit that is ended by hand, and nothing keeps it")
    func valueOfAPermit() throws {
        final class Response: Sendable {}
        let seen = Lock<Response?>(nil)
        let conditions = ErrorCondition { error in
            seen.withLock { $0 = (error as? UnacceptedResultError)?.value(as: Response.self) }
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
        let stage = try ThrottleStage(.book)
        try stage.play("XC")
        _ = try stage.throttle.tryAcquirePermit()
        #expect(stage.throttle.requests == 0)
        let totals = stage.throttle.totals
        #expect([totals.ignored, totals.cancelled, totals.calls] == [1, 2, 3])
    }

    @Test("a rejected call does not run, and its error says what happened")
    func rejection() async throws {
        let draw = Lock(1.0)
        let stage = try ThrottleStage(.book, random: RandomSource { draw.withLock { $0 } })
        try stage.play("AARRRRR")
        draw.withLock { $0 = 0 }
        let error = await #expect(throws: AdaptiveThrottle.RejectedError.self) {
            try await stage.throttle.execute { Issue.record("has run") }
        }
        #expect(error?.policyName == "payments" && error?.probability == 3.0 / 8)
        #expect(error?.retryAfter == nil)
        #expect(error?.reason == "adaptive throttle sheds load")
        #expect(error?.description == "adaptive throttle \"payments\" rejects calls with a probability of 0.375")
    }

    @Test("events: when it begins and ends, each call and rejection")
    func events() throws {
        let stage = try ThrottleStage(.book)
        try stage.play("A")
        let permit = try stage.throttle.tryAcquirePermit()
        stage.clock.advance(by: .seconds(1))
        permit.complete(as: .refused)
        try stage.play("R")
        #expect(stage.isRejected())
        #expect(stage.isRejected())
        stage.clock.advance(by: .seconds(120))
        try stage.play("A")
        #expect(
            stage.eventNames == [
                "called", "called", "called", "throttling", "rejected", "rejected", "recovered", "called",
            ])
        #expect(stage.events.allSatisfy { $0.source == "payments" })
        #expect(
            stage.events[1].description == "adaptive throttle \"payments\" saw a call: refused, 1 second")
        #expect(stage.events[3].description == "adaptive throttle \"payments\" begins to reject calls")
        #expect(stage.events[4].description.hasSuffix("with a probability of 0.25"))
        #expect(stage.events[6].description == "adaptive throttle \"payments\" rejects no more calls")
        #expect(stage.events.map(\.severity)[2...6] == [.debug, .warning, .debug, .debug, .info])
    }

    @Test("an observer may call the throttle, and one that is added later hears from then on")
    func observers() throws {
        struct Caller: PolicyObserver {
            let read: @Sendable () -> Void
            func observe(_ event: some PolicyEvent) { read() }
        }
        let stage = try ThrottleStage(.book, observed: false)
        let seen = Lock<[Int]>([])
        stage.throttle.addObserver(
            Caller { [throttle = stage.throttle] in seen.withLock { $0.append(throttle.requests) } })
        try stage.play("AA")
        #expect(seen.withLock { $0 } == [1, 2])
    }

    @Test("totals add up, and saturate")
    func totals() throws {
        let stage = try ThrottleStage(.book, observed: false)
        try stage.play("XCARR")
        #expect(stage.isRejected())
        let totals = stage.throttle.totals
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
