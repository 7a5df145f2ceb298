import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Rules of a breaker under inputs that are easily forgotten: other windows, changes on the way, results by hand.
@Suite("Circuit breaker: the same rule with other inputs", .timeLimit(.minutes(30)))
struct OtherInputsTests {
    private static let windows: [CircuitBreaker.Window] = [
        .calls(5), .calls(1_000), .time(.seconds(30), buckets: 10), .time(.seconds(1), buckets: 1),
        .interval(.seconds(30)), .unbounded,
    ]

    private func streaks(_ window: CircuitBreaker.Window, of count: Int = 5) -> Configuration {
        Configuration(
            trip: .any(.consecutiveFailures(count), .failureRate(1, minimumCalls: 5)), window: window,
            slowCallDuration: .seconds(3_600), breakLength: .fixed(.seconds(10)), halfOpen: .init(probes: 1))
    }

    @Test("five failures in a row open, however far apart, in every window", arguments: windows, [1, 19, 31, 86_400])
    func inARow(window: CircuitBreaker.Window, pause: Int) throws {
        let stage = try Stage(streaks(window), observed: false)
        try stage.play("FFFF", pause: .seconds(pause))
        #expect(stage.state == .closed && stage.breaker.counts.consecutiveFailures == 4)
        // What is ignored or cancelled breaks no row.
        try stage.play("XC", pause: .seconds(pause))
        try stage.play("F")
        #expect(stage.state == .open)
    }

    @Test("a success breaks the row, in every window", arguments: windows)
    func broken(window: CircuitBreaker.Window) throws {
        let stage = try Stage(streaks(window, of: 3), observed: false)
        try stage.play("FFSFFSFF", pause: .seconds(40))
        #expect(stage.state == .closed && stage.breaker.counts.consecutiveFailures == 2)
        try stage.play("F")
        #expect(stage.state == .open)
    }

    @Test("a row goes on over a change of the window, and over saving and restoring", arguments: windows, windows)
    func rowOverChanges(old: CircuitBreaker.Window, new: CircuitBreaker.Window) throws {
        let stage = try Stage(streaks(old), observed: false)
        try stage.play("FFF", pause: .seconds(19))
        try stage.breaker.update(streaks(new))
        #expect(stage.breaker.counts.consecutiveFailures == 3)
        try stage.play("F", pause: .seconds(40))
        let restored = try Stage(streaks(old), observed: false, restoring: stage.breaker.snapshot)
        #expect(restored.breaker.counts.consecutiveFailures == 4)
        try restored.play("F")
        #expect(restored.state == .open)
        try stage.play("F")
        #expect(stage.state == .open)
    }

    @Test(
        "a window sees calls that take longer than it, in the classic case and at once", arguments: [11, 15, 100_000])
    func longCalls(seconds: Int) throws {
        for window in [CircuitBreaker.Window.time(.seconds(10), buckets: 10), .interval(.seconds(10))] {
            for atOnce in [false, true] {
                let stage = try Stage(
                    .init(trip: .failureRate(0.5, minimumCalls: 4), window: window), observed: atOnce)
                if atOnce {
                    let calls = try (0..<4).map { _ in try stage.start() }
                    stage.clock.advance(by: .seconds(seconds))
                    for call in calls { call.end("F") }
                } else {
                    // One begins every second, and each fails after so long.
                    var calls: [RunningCall] = []
                    for _ in 0..<6 {
                        calls.append(try stage.start())
                        stage.clock.advance(by: .seconds(1))
                    }
                    stage.clock.advance(by: .seconds(seconds - 6))
                    for call in calls {
                        call.end("F")
                        stage.clock.advance(by: .seconds(1))
                    }
                }
                #expect(stage.state == .open, "\(window), \(atOnce)")
            }
        }
    }

    @Test("overlapping probes each have their own time, also after it is changed or the state began by hand")
    func overlappingProbes() throws {
        let stage = try Stage(.fragile(probes: 4, verdict: .successes(atLeast: 4), maxWait: .seconds(1)))
        stage.breaker.open()
        try stage.breaker.halfOpen()
        var calls: [RunningCall] = []
        for _ in 0..<4 {
            calls.append(try stage.start())
            stage.clock.advance(by: .milliseconds(300))
            if calls.count == 2 {
                try stage.breaker.update(.fragile(probes: 4, verdict: .successes(atLeast: 4), maxWait: .seconds(1)))
            }
            if calls.count > 2 { calls[calls.count - 3].end("S") }
        }
        for call in calls { call.end("S") }
        #expect(stage.state == .closed)
    }

    @Test("a probe is given up at its deadline, whenever that is noticed, and in whichever way", arguments: 0..<6)
    func givenUpOnTime(way: Int) throws {
        let stage = try Stage(.fragile(maxWait: .seconds(3)))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        let probe = try stage.start()
        // 3 s until it is given up; 10 s of break; half-open again 13 s later.
        stage.clock.advance(by: .seconds(8))
        switch way {
        case 0: #expect(stage.breaker.remainingBreak == .seconds(5))
        case 1: stage.expectRejection(retryAfter: .seconds(5))
        case 2: #expect(stage.state == .open)
        case 3: #expect(stage.breaker.counts.calls == 0)
        case 4: try stage.breaker.update(.fragile(maxWait: .seconds(60)))
        default: probe.end("S")
        }
        #expect(stage.breaker.remainingBreak == .seconds(5))
        stage.clock.advance(by: .seconds(5) - .nanoseconds(1))
        #expect(stage.state == .open)
        stage.clock.advance(by: .nanoseconds(1))
        #expect(stage.state == .halfOpen && stage.admits())
    }

    @Test(
        "the error that opened the breaker is told, whichever rule it was, and however it is asked for",
        arguments: 0..<6)
    func lastFailure(rule: Int) async throws {
        let trips: [CircuitBreaker.Trip] = [
            .consecutiveFailures(2), .failureRate(0.5, minimumCalls: 2), .when { $0.failures == 2 },
            .any(.slowCallRate(0.5, minimumCalls: 100), .consecutiveFailures(2)), .slowCallRate(1, minimumCalls: 2),
            .any(.when { _ in false }, .failureRate(0.1, minimumCalls: 2)),
        ]
        let stage = try Stage(
            .init(
                trip: trips[rule], window: .calls(100), slowCallDuration: .seconds(1),
                breakLength: .fixed(.seconds(10)), halfOpen: .init(probes: 1)))
        for label in ["first", "second"] {
            try? await stage.breaker.execute {
                stage.clock.advance(by: .seconds(2))
                throw InjectedFailure(label)
            }
        }
        #expect(stage.transitions.last?.lastFailure as? InjectedFailure == InjectedFailure("second"))
        for _ in 0..<2 {
            let error = await #expect(throws: OpenError.self) { try await stage.breaker.execute {} }
            #expect(error?.lastFailure as? InjectedFailure == InjectedFailure("second"))
            #expect(!stage.admits())
        }
        stage.clock.advance(by: .seconds(10))
        let probe = try stage.start()
        let error = await #expect(throws: OpenError.self) { try await stage.breaker.execute {} }
        #expect(error?.state == .halfOpen && error?.lastFailure as? InjectedFailure == InjectedFailure("second"))
        probe.fail(InjectedFailure("third"))
        #expect(stage.transitions.last?.lastFailure as? InjectedFailure == InjectedFailure("third"))
    }

    @Test("durations of calls are known in every window, after a change of it and restored", arguments: windows)
    func durations(window: CircuitBreaker.Window) throws {
        let stage = try Stage(streaks(window))
        try stage.play("S", taking: .milliseconds(100))
        try stage.play("F", taking: .milliseconds(300))
        let counts = stage.breaker.counts
        #expect(counts.totalDuration == .milliseconds(400) && counts.meanDuration == .milliseconds(200))
        try stage.breaker.update(streaks(.calls(7)))
        #expect(stage.breaker.counts.meanDuration == .milliseconds(200))
        let restored = try Stage(streaks(window), restoring: stage.breaker.snapshot)
        #expect(restored.breaker.counts.meanDuration == .milliseconds(200))
    }

    @Test("the length of a break sees a value that was not accepted, however the call is made", arguments: 0..<3)
    func valueOpens(way: Int) async throws {
        struct Response: Sendable, RetryAfterProviding { var retryAfter: Duration? }
        struct Wrapped: ErrorWrapper { let wrappedError: any Error }
        for length in [
            CircuitBreaker.BreakLength.serverHint(upTo: .seconds(60), hintJitter: 0),
            .custom(upTo: .seconds(60)) { $0.value(as: Response.self)?.retryAfter },
        ] {
            let stage = try Stage(.init(trip: .consecutiveFailures(1), breakLength: length))
            let response = Response(retryAfter: .seconds(42))
            switch way {
            case 0: _ = try await stage.breaker.execute(accepting: { (_: Response) in false }) { response }
            case 1: try stage.breaker.tryAcquirePermit().succeed(with: response) { _ in false }
            default:
                let rule = try Policy("p", clock: stage.clock) { stage.breaker }
                    .accepting(Response.self) { $0.retryAfter == nil }
                _ = try await rule.execute { response }
            }
            #expect(stage.breaker.remainingBreak == .seconds(42))
        }
    }

    @Test("a permit keeps no value that it was ended with")
    func valueIsNotKept() throws {
        final class Response: Sendable {}
        let stage = try Stage(.fragile())
        var response: Response? = Response()
        weak let kept = response
        try stage.breaker.tryAcquirePermit().succeed(with: response ?? Response()) { _ in false }
        response = nil
        #expect(stage.state == .open && kept == nil)
    }

    @Test("breaks and hints of a fleet stay spread at their limits", arguments: 0..<4)
    func spread(kind: Int) {
        let lengths: [CircuitBreaker.BreakLength] = [
            .growing(from: .seconds(5), upTo: .seconds(5), jitter: .ratio(0.5)),
            .growing(from: .seconds(5), factor: 100, upTo: .seconds(7), jitter: .ratio(1)),
            .serverHint(upTo: .seconds(20), hintJitter: 0.2),
            .custom(
                upTo: .seconds(60), otherwise: .growing(from: .seconds(50), upTo: .seconds(60), jitter: .ratio(0.3))
            ) { _ in
                nil
            },
        ]
        let error = InjectedFailure(retryAfter: .seconds(3_600))
        var drawn: Set<Duration> = []
        for step in 0..<50 {
            let context = CircuitBreaker.BreakContext(consecutiveOpens: 9, error: error, counts: Counts())
            drawn.insert(lengths[kind].length(context, .constant(Double(step) / 50)))
        }
        #expect(drawn.count == 50)
        if kind == 2 { #expect(drawn.allSatisfy { $0 >= .seconds(20) }) }
    }

    @Test(
        "disabled means that nothing is told of calls, also of those that were let in before", arguments: [true, false])
    func disabled(before: Bool) throws {
        let stage = try Stage(.fragile())
        let call = before ? try stage.start() : nil
        stage.breaker.disable()
        stage.recorder.clear()
        let other = try stage.start()
        call?.end("F")
        other.end("F")
        try stage.play("FFFSX")
        #expect(stage.events.isEmpty && stage.state == .disabled)
    }
}
