import Foundation
import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// What a breaker tells about why it opened, would have opened, or forgot.
@Suite(.timeLimit(.minutes(30)))
struct ObservingTests {
    private let rules = Configuration(
        trip: .any(
            .consecutiveFailures(2), .failureRate(0.5, minimumCalls: 3), .failureRate(1, minimumCalls: 4),
            .slowCallRate(0.5, minimumCalls: 4), .when { $0.ignored == 1 }, .when { $0.failures == 4 }),
        window: .calls(10), slowCallDuration: .seconds(1), initialState: .observing)

    private func reasons(_ fixture: Fixture) -> [Reason] {
        fixture.events.compactMap { if case .wouldOpen(let reason, _) = $0.kind { reason } else { nil } }
    }

    @Test func eachRuleSaysSoOnceAndIsCounted() throws {
        let fixture = try Fixture(rules)
        let all: [Reason] = [
            .consecutiveFailures(2), .failureRate(1), .failureRate(1), .predicate, .slowCallRate(0.75), .predicate,
        ]
        for round in 1...3 {
            fixture.recorder.clear()
            try fixture.play("F")
            try fixture.play("FFF", taking: .seconds(2))
            try fixture.play("XFFXSS", taking: .seconds(2))
            #expect(Set(reasons(fixture)) == Set(all) && reasons(fixture).count == all.count, "round \(round)")
            #expect(fixture.breaker.totals.wouldOpen == 6 * round && fixture.breaker.totals.opened == 0)
            fixture.breaker.observe()
        }
        try fixture.play("FF")
        fixture.recorder.clear()
        try fixture.breaker.update(rules)
        try fixture.play("XF")
        #expect(reasons(fixture).contains(.consecutiveFailures(2)), "again after another configuration")
        #expect(try Fixture(rules, restoring: fixture.breaker.snapshot).breaker.totals.wouldOpen > 18)
        var metrics = MetricCollection()
        fixture.breaker.collect(into: &metrics)
        let sample = metrics.samples(of: "resilience.circuit_breaker.would_open").first
        #expect(sample.map { "\($0.value)" }?.contains("\(fixture.breaker.totals.wouldOpen)") == true)
    }

    @Test func aDisabledBreakerTellsNothingAboutCalls() throws {
        let fixture = try Fixture(rules)
        fixture.breaker.disable()
        fixture.recorder.clear()
        try fixture.play("FFFFSXC")
        #expect(fixture.events.isEmpty && fixture.breaker.totals.calls == 7)
        fixture.breaker.close()
        try fixture.play("S")
        #expect(fixture.recorder.names == ["circuit_breaker.transition", "circuit_breaker.called"])
    }

    @Test func forgettingCountsByHandIsAnEvent() throws {
        let fixture = try Fixture(.init(trip: .consecutiveFailures(3)))
        try fixture.play("FF")
        fixture.recorder.clear()
        fixture.breaker.close()
        guard case .reset(.closed, let counts)? = fixture.events.first?.kind else {
            Issue.record("\(fixture.events)")
            return
        }
        #expect(fixture.events.first?.source == "test")
        #expect(counts.row == [2, 0, 2, 0, 0, 2] && fixture.events.count == 1)
        #expect(fixture.events[0].description == "circuit breaker \"test\" forgot its counts by hand, and stays closed")
        #expect(fixture.breaker.counts == Counts() && fixture.transitions.isEmpty)
        try fixture.play("FF")
        #expect(fixture.state == .closed)
    }

    @Test func theErrorThatOpenedTheBreakerIsKnown() async throws {
        for observed in [false, true] {
            let fixture = try Fixture(.fragile(), observed: observed)
            func label(_ error: (any Error)?) -> String? { (error as? InjectedFailure)?.label }
            func rejection() async -> (any Error)? {
                await fixture.breaker.run {}.rejection.flatMap { $0 as? OpenError }?.lastFailure
            }
            try await fixture.breaker.execute {}
            try? await fixture.breaker.execute { throw InjectedFailure("first") }
            #expect(label(await rejection()) == "first")
            fixture.clock.advance(by: .seconds(10))
            let probe = try fixture.start()
            #expect(label(await rejection()) == "first", "half-open")
            probe.fail(InjectedFailure("second"))
            #expect(label(await rejection()) == "second")
            if observed { #expect(fixture.transitions.map { label($0.lastFailure) } == ["first", nil, "second"]) }
            fixture.clock.advance(by: .seconds(10))
            let hung = try fixture.start()
            fixture.clock.advance(by: .seconds(10))
            #expect(label(await rejection()) == "second", "nothing newer is known about a probe that timed out")
            fixture.breaker.open()
            #expect(await rejection() == nil)
            fixture.breaker.isolate()
            #expect(await rejection() == nil)
            hung.end("C")
        }
        // Opened by a success that completes the volume: the last failure is still the reason.
        let fixture = try Fixture(.init(trip: .failureRate(0.5, minimumCalls: 2)))
        try? await fixture.breaker.execute { throw InjectedFailure("volume") }
        try await fixture.breaker.execute {}
        #expect((fixture.transitions.first?.lastFailure as? InjectedFailure)?.label == "volume")
    }

    @Test func errorsAreReleasedOutsideOfTheLock() throws {
        let fixture = try Fixture(.init(trip: .consecutiveFailures(2), breakLength: .fixed(.seconds(1))))
        let released = Log<CircuitBreaker.State>()
        for round in 1...20 {
            for _ in 1...2 {
                try fixture.breaker.tryAcquirePermit().fail(
                    Reader { [breaker = fixture.breaker] in released.append(breaker.state) })
            }
            fixture.recorder.clear()
            fixture.clock.advance(by: .seconds(1))
            try fixture.play(round.isMultiple(of: 2) ? "S" : "C")
            fixture.breaker.close()
        }
        #expect(released.elements.count >= 38)
    }

    private final class Reader: Error, Sendable {
        private let action: @Sendable () -> Void
        init(_ action: @escaping @Sendable () -> Void) { self.action = action }
        deinit { action() }
    }

    @Test func countsKnowHowLongCallsTook() throws {
        for window: CircuitBreaker.Window in [.calls(4), .time(.seconds(100)), .unbounded] {
            let fixture = try Fixture(.init(trip: .failureRate(1, minimumCalls: 4), window: window))
            try fixture.play("SX", taking: .seconds(1))
            try fixture.play("FC", taking: .seconds(3))
            #expect(fixture.breaker.counts.timed == 2 && fixture.breaker.counts.totalDuration == .seconds(4))
            #expect(fixture.breaker.counts.meanDuration == .seconds(2))
            let data = try JSONEncoder().encode(fixture.breaker.snapshot)
            let copy = try Fixture(
                .init(trip: .failureRate(1, minimumCalls: 4), window: window),
                restoring: try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data))
            #expect(copy.breaker.counts == fixture.breaker.counts)
        }
        let untimed = try Fixture(.sixInARow, observed: false)
        try untimed.play("SF", taking: .seconds(1))
        #expect(untimed.breaker.counts.timed == 0 && untimed.breaker.counts.meanDuration == nil)
    }

    @Test("machines read one spelling of every state")
    func oneSpelling() throws {
        let fixture = try Fixture(.fragile())
        fixture.breaker.open()
        try fixture.breaker.halfOpen()
        let json = String(decoding: try JSONEncoder().encode(fixture.breaker.snapshot), as: UTF8.self)
        #expect(json.contains(#""state":"half_open""#))
        var metrics = MetricCollection()
        fixture.breaker.collect(into: &metrics)
        let labels = metrics.samples(of: "resilience.circuit_breaker.state").map { "\($0)" }.joined()
        for state in CircuitBreaker.State.allCases { #expect(labels.contains(state.rawValue)) }
        #expect(!labels.contains("halfOpen") && !labels.contains("half-open"))
        #expect(CircuitBreaker.State.halfOpen.rawValue == "half_open")
    }

    @Test func aLateResultTellsItsCaller() throws {
        let fixture = try Fixture(.fragile(maxWait: .seconds(1)))
        let early = try fixture.start()
        let late = try fixture.start()
        #expect(early.ends("F") == true && late.ends("F") == false)
        fixture.clock.advance(by: .seconds(10))
        let probe = try fixture.start()
        fixture.clock.advance(by: .seconds(1))
        #expect(probe.ends("S") == false)
        fixture.breaker.close()
        let permit = try fixture.breaker.tryAcquirePermit()
        let counts = permit.succeed(with: 503) { $0 < 500 }
        #expect(counts)
        #expect(fixture.state == .open, "a value that is not accepted is a failure")
        fixture.breaker.close()
        try fixture.breaker.tryAcquirePermit().succeed(with: 200) { $0 < 500 }
        #expect(fixture.state == .closed && fixture.breaker.counts.successes == 1)
    }
}
