import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Changing the state by hand.
@Suite(.timeLimit(.minutes(30)))
struct ManualControlTests {
    @Test("R4-17: a closed breaker cannot be made half-open")
    func illegalTransition() throws {
        let fixture = try Fixture(.fragile())
        for (prepare, state) in [
            (fixture.breaker.close, CircuitBreaker.State.closed), (fixture.breaker.disable, .disabled),
            (fixture.breaker.observe, .observing),
        ] {
            prepare()
            fixture.recorder.clear()
            let error = CircuitBreaker.TransitionError(policyName: "test", from: state, to: .halfOpen)
            #expect(throws: error) { try fixture.breaker.halfOpen() }
            #expect(fixture.state == state && fixture.events.isEmpty)
        }
        let error = CircuitBreaker.TransitionError(policyName: "a", from: .closed, to: .halfOpen)
        #expect(error.description == "circuit breaker \"a\" cannot go from closed to half-open")
    }

    @Test("R4-18: an isolated breaker stays so", arguments: [true, false])
    func isolated(observed: Bool) throws {
        var configuration = Configuration.halfOfFive
        configuration.endsBreakByTimer = true
        let fixture = try Fixture(configuration, observed: observed)
        fixture.breaker.isolate()
        fixture.expectRejection(.isolated, retryAfter: nil)
        fixture.clock.advance(by: .seconds(6))
        fixture.expectRejection(.isolated, retryAfter: nil)
        #expect(fixture.state == .isolated && fixture.breaker.totals.rejected == 2)
        #expect(fixture.clock.timerCount == 0 && fixture.breaker.remainingBreak == nil)
        #expect(fixture.breaker.totals.opened == 0)
    }

    @Test func openingForATime() throws {
        let fixture = try Fixture(.fragile())
        try fixture.breaker.open(for: .seconds(3))
        fixture.expectRejection(retryAfter: .seconds(3))
        fixture.clock.advance(by: .seconds(2))
        try fixture.breaker.open(for: .seconds(3))
        #expect(fixture.breaker.remainingBreak == .seconds(3))
        fixture.breaker.open()
        #expect(fixture.breaker.remainingBreak == .seconds(10))
        #expect(fixture.path == [.open] && fixture.breaker.totals.opened == 3)
    }

    @Test("BAD: a break that cannot be", arguments: [Duration.zero, .seconds(-1), Duration(attoseconds: .max)])
    func impossibleLength(length: Duration) throws {
        let fixture = try Fixture(.fragile())
        let error = ConfigurationError(
            .init(field: "test.length", value: "\(length)", violation: "is outside 1 ns...292 years"))
        #expect(throws: error) { try fixture.breaker.open(for: length) }
        #expect(fixture.state == .closed && fixture.events.isEmpty)
    }

    @Test func aBreakMayBeAsLongAsTimeItself() throws {
        let fixture = try Fixture(.fragile())
        fixture.clock.advance(by: .seconds(1000))
        try fixture.breaker.open(for: .nanoseconds(Int64.max))
        fixture.clock.advance(by: .seconds(1_000_000_000))
        #expect(fixture.state == .open)
        fixture.clock.advance(by: Duration(attoseconds: .max))
        #expect(fixture.state == .halfOpen)
    }

    @Test func disabledLetsThroughAndJudgesNothing() throws {
        let fixture = try Fixture(.fragile())
        fixture.breaker.disable()
        try fixture.play("FFFFSXC")
        #expect(fixture.state == .disabled && fixture.breaker.counts == Counts())
        #expect(fixture.breaker.totals.failed == 4 && fixture.breaker.totals.late == 0)
        #expect(fixture.breaker.totals.calls == 7)
    }

    @Test func observingReportsOnce() throws {
        let fixture = try Fixture(.init(trip: .any(.consecutiveFailures(2), .when { $0.ignored == 2 })))
        fixture.breaker.observe()
        try fixture.play("FFFFXXX")
        #expect(fixture.state == .observing && fixture.breaker.counts.failures == 4)
        // Each rule once.
        let excesses = fixture.events.compactMap { event in
            if case .wouldOpen(let reason, let counts) = event.kind { (reason, counts.failures) } else { nil }
        }
        #expect(excesses.map(\.0) == [.consecutiveFailures(2), .predicate] && excesses.map(\.1) == [2, 4])
        #expect(fixture.breaker.totals.wouldOpen == 2)
        fixture.breaker.observe()
        fixture.recorder.clear()
        try fixture.play("XXX")
        let predicted = fixture.events.compactMap { event in
            if case .wouldOpen(let reason, let counts) = event.kind { (reason, counts.ignored) } else { nil }
        }
        #expect(predicted.count == 1 && predicted.first?.0 == .predicate && predicted.first?.1 == 2)
        #expect(fixture.breaker.totals.opened == 0)
    }

    @Test func whileObservingNobodyIsAskedForABreak() throws {
        let fixture = try Fixture(
            .init(
                trip: .when { $0.failures > 1 },
                breakLength: .custom(upTo: .seconds(1)) { _ in
                    Issue.record("no break begins")
                    return nil
                }))
        fixture.breaker.observe()
        try fixture.play("FFF")
        #expect(fixture.recorder.names.count { $0 == "circuit_breaker.would_open" } == 1)
    }

    @Test func closingDisownsRunningCalls() throws {
        let fixture = try Fixture(.fragile())
        let call = try fixture.start()
        fixture.breaker.close()
        call.end("F")
        #expect(fixture.state == .closed)
        #expect(fixture.recorder.names == ["circuit_breaker.reset", "circuit_breaker.called"])
        #expect(fixture.breaker.totals.late == 1 && fixture.breaker.totals.failed == 1)
    }

    @Test func halfOpenedByHandFromIsolationItsProbesDecide() throws {
        for (script, state) in [("S", CircuitBreaker.State.closed), ("F", .open)] {
            let fixture = try Fixture(.fragile())
            fixture.breaker.isolate()
            try fixture.breaker.halfOpen()
            try fixture.play(script)
            #expect(fixture.state == state)
            #expect(fixture.transitions.last?.reason == (script == "S" ? .probesSucceeded : .probesFailed))
        }
    }

    @Test func halfOpenedByHandFromIsolationAHungProbeIsGivenUp() throws {
        let fixture = try Fixture(.fragile())
        fixture.breaker.isolate()
        try fixture.breaker.halfOpen()
        let probe = try fixture.start()
        fixture.expectRejection(.halfOpen, retryAfter: .seconds(1))
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.state == .open)
        probe.end("S")
        #expect(fixture.state == .open)
    }

    @Test func halfOpenAgainGivesFreshProbes() throws {
        let fixture = try Fixture(.fragile())
        fixture.breaker.open()
        try fixture.breaker.halfOpen()
        let old = try fixture.start()
        #expect(!fixture.admits())
        try fixture.breaker.halfOpen()
        let new = try fixture.start()
        old.end("F")
        #expect(fixture.state == .halfOpen)
        new.end("S")
        #expect(fixture.state == .closed)
        #expect(fixture.path == [.open, .halfOpen, .closed])
    }

    @Test func countsInTransitionsByHandAreThoseOfTheWindowNow() throws {
        let fixture = try Fixture(.init(trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(10))))
        let changes: [(String, (CircuitBreaker) throws -> Void)] = [
            ("isolate", { $0.isolate() }), ("disable", { $0.disable() }), ("observe", { $0.observe() }),
            ("open", { $0.open() }), ("open(for:)", { try $0.open(for: .seconds(1)) }),
        ]
        for (name, change) in changes {
            fixture.breaker.close()
            try fixture.play("FFFFF")
            fixture.clock.advance(by: .seconds(60))
            try change(fixture.breaker)
            // Of the window nothing is left; the row is no part of it.
            #expect(fixture.transitions.last?.counts.row == [0, 0, 0, 0, 0, 5], "\(name)")
        }
    }
}
