import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Changing the state by hand.
@Suite(.timeLimit(.minutes(30)))
struct ManualControlTests {
    @Test("R4-17: a closed breaker cannot be made half-open")
    func illegalTransition() throws {
        let stage = try Stage(.fragile())
        for (prepare, state) in [
            (stage.breaker.close, CircuitBreaker.State.closed), (stage.breaker.disable, .disabled),
            (stage.breaker.observe, .observing),
        ] {
            prepare()
            stage.recorder.clear()
            let error = CircuitBreaker.TransitionError(policyName: "test", from: state, to: .halfOpen)
            #expect(throws: error) { try stage.breaker.halfOpen() }
            #expect(stage.state == state && stage.events.isEmpty)
        }
        let error = CircuitBreaker.TransitionError(policyName: "a", from: .closed, to: .halfOpen)
        #expect(error.description == "circuit breaker \"a\" cannot go from closed to half-open")
    }

    @Test("R4-18: an isolated breaker stays so", arguments: [true, false])
    func isolated(observed: Bool) throws {
        var configuration = Configuration.halfOfFive
        configuration.endsBreakByTimer = true
        let stage = try Stage(configuration, observed: observed)
        stage.breaker.isolate()
        stage.expectRejection(.isolated, retryAfter: nil)
        stage.clock.advance(by: .seconds(6))
        stage.expectRejection(.isolated, retryAfter: nil)
        #expect(stage.state == .isolated && stage.breaker.totals.rejected == 2)
        #expect(stage.clock.timerCount == 0 && stage.breaker.remainingBreak == nil)
        #expect(stage.breaker.totals.opened == 0)
    }

    @Test("a break by hand is as long as asked for, and may be set again")
    func length() throws {
        let stage = try Stage(.fragile())
        try stage.breaker.open(for: .seconds(3))
        stage.expectRejection(retryAfter: .seconds(3))
        stage.clock.advance(by: .seconds(2))
        try stage.breaker.open(for: .seconds(3))
        #expect(stage.breaker.remainingBreak == .seconds(3))
        stage.breaker.open()
        #expect(stage.breaker.remainingBreak == .seconds(10))
        #expect(stage.path == [.open] && stage.breaker.totals.opened == 3)
    }

    @Test(
        "a break of an impossible length is refused, and changes nothing",
        arguments: [Duration.zero, .seconds(-1), Duration(attoseconds: .max)])
    func impossibleLength(length: Duration) throws {
        let stage = try Stage(.fragile())
        let error = ConfigurationError(
            .init(field: "test.length", value: "\(length)", violation: "is outside 1 ns...292 years"))
        #expect(throws: error) { try stage.breaker.open(for: length) }
        #expect(stage.state == .closed && stage.events.isEmpty)
    }

    @Test("a break may be as long as time itself")
    func longest() throws {
        let stage = try Stage(.fragile())
        stage.clock.advance(by: .seconds(1000))
        try stage.breaker.open(for: .nanoseconds(Int64.max))
        stage.clock.advance(by: .seconds(1_000_000_000))
        #expect(stage.state == .open)
        stage.clock.advance(by: Duration(attoseconds: .max))
        #expect(stage.state == .halfOpen)
    }

    @Test("a disabled breaker lets through and judges nothing")
    func disabled() throws {
        let stage = try Stage(.fragile())
        stage.breaker.disable()
        try stage.play("FFFFSXC")
        #expect(stage.state == .disabled && stage.breaker.counts == Counts())
        #expect(stage.breaker.totals.failed == 4 && stage.breaker.totals.late == 0)
        #expect(stage.breaker.totals.calls == 7)
    }

    @Test("an observing breaker reports each rule once")
    func observing() throws {
        let stage = try Stage(.init(trip: .any(.consecutiveFailures(2), .when { $0.ignored == 2 })))
        stage.breaker.observe()
        try stage.play("FFFFXXX")
        #expect(stage.state == .observing && stage.breaker.counts.failures == 4)
        // Each rule once.
        let excesses = stage.events.compactMap { event in
            if case .wouldOpen(let reason, let counts) = event.kind { (reason, counts.failures) } else { nil }
        }
        #expect(excesses.map(\.0) == [.consecutiveFailures(2), .predicate] && excesses.map(\.1) == [2, 4])
        #expect(stage.breaker.totals.wouldOpen == 2)
        stage.breaker.observe()
        stage.recorder.clear()
        try stage.play("XXX")
        let predicted = stage.events.compactMap { event in
            if case .wouldOpen(let reason, let counts) = event.kind { (reason, counts.ignored) } else { nil }
        }
        #expect(predicted.count == 1 && predicted.first?.0 == .predicate && predicted.first?.1 == 2)
        #expect(stage.breaker.totals.opened == 0)
    }

    @Test("while observing no break is asked for")
    func noBreak() throws {
        let stage = try Stage(
            .init(
                trip: .when { $0.failures > 1 },
                breakLength: .custom(upTo: .seconds(1)) { _ in
                    Issue.record("no break begins")
                    return nil
                }))
        stage.breaker.observe()
        try stage.play("FFF")
        #expect(stage.recorder.names.count { $0 == "circuit_breaker.would_open" } == 1)
    }

    @Test("results of calls that ran when the breaker was closed by hand come late")
    func closing() throws {
        let stage = try Stage(.fragile())
        let call = try stage.start()
        stage.breaker.close()
        call.end("F")
        #expect(stage.state == .closed)
        #expect(stage.recorder.names == ["circuit_breaker.reset", "circuit_breaker.called"])
        #expect(stage.breaker.totals.late == 1 && stage.breaker.totals.failed == 1)
    }

    @Test("half-opened by hand from isolation its probes decide")
    func probes() throws {
        for (script, state) in [("S", CircuitBreaker.State.closed), ("F", .open)] {
            let stage = try Stage(.fragile())
            stage.breaker.isolate()
            try stage.breaker.halfOpen()
            try stage.play(script)
            #expect(stage.state == state)
            #expect(stage.transitions.last?.reason == (script == "S" ? .probesSucceeded : .probesFailed))
        }
    }

    @Test("half-opened by hand from isolation a hung probe is given up")
    func hungProbe() throws {
        let stage = try Stage(.fragile())
        stage.breaker.isolate()
        try stage.breaker.halfOpen()
        let probe = try stage.start()
        stage.expectRejection(.halfOpen, retryAfter: .seconds(1))
        stage.clock.advance(by: .seconds(10))
        #expect(stage.state == .open)
        probe.end("S")
        #expect(stage.state == .open)
    }

    @Test("half-open again gives fresh probes")
    func freshProbes() throws {
        let stage = try Stage(.fragile())
        stage.breaker.open()
        try stage.breaker.halfOpen()
        let old = try stage.start()
        #expect(!stage.admits())
        try stage.breaker.halfOpen()
        let new = try stage.start()
        old.end("F")
        #expect(stage.state == .halfOpen)
        new.end("S")
        #expect(stage.state == .closed)
        #expect(stage.path == [.open, .halfOpen, .closed])
    }

    @Test("counts in transitions by hand are those of the window now")
    func counts() throws {
        let stage = try Stage(.init(trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(10))))
        let changes: [(String, (CircuitBreaker) throws -> Void)] = [
            ("isolate", { $0.isolate() }), ("disable", { $0.disable() }), ("observe", { $0.observe() }),
            ("open", { $0.open() }), ("open(for:)", { try $0.open(for: .seconds(1)) }),
        ]
        for (name, change) in changes {
            stage.breaker.close()
            try stage.play("FFFFF")
            stage.clock.advance(by: .seconds(60))
            try change(stage.breaker)
            // Of the window nothing is left; the row is no part of it.
            #expect(stage.transitions.last?.counts.row == [0, 0, 0, 0, 0, 5], "\(name)")
        }
    }
}
