import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
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

    private func reasons(_ stage: Stage) -> [Reason] {
        stage.events.compactMap { if case .wouldOpen(let reason, _) = $0.kind { reason } else { nil } }
    }

    @Test("each rule says so once, and is counted")
    func once() throws {
        let stage = try Stage(rules)
        let all: [Reason] = [
            .consecutiveFailures(2), .failureRate(1), .failureRate(1), .predicate, .slowCallRate(0.75), .predicate,
        ]
        for round in 1...3 {
            stage.recorder.clear()
            try stage.play("F")
            try stage.play("FFF", taking: .seconds(2))
            try stage.play("XFFXSS", taking: .seconds(2))
            #expect(Set(reasons(stage)) == Set(all) && reasons(stage).count == all.count, "round \(round)")
            #expect(stage.breaker.totals.wouldOpen == 6 * round && stage.breaker.totals.opened == 0)
            stage.breaker.observe()
        }
        try stage.play("FF")
        stage.recorder.clear()
        try stage.breaker.update(rules)
        try stage.play("XF")
        #expect(reasons(stage).contains(.consecutiveFailures(2)), "again after another configuration")
        #expect(try Stage(rules, restoring: stage.breaker.snapshot).breaker.totals.wouldOpen > 18)
        var metrics = MetricCollection()
        stage.breaker.collect(into: &metrics)
        let sample = metrics.samples(of: "resilience.circuit_breaker.would_open").first
        #expect(sample.map { "\($0.value)" }?.contains("\(stage.breaker.totals.wouldOpen)") == true)
    }

    @Test("a disabled breaker tells nothing about calls")
    func disabled() throws {
        let stage = try Stage(rules)
        stage.breaker.disable()
        stage.recorder.clear()
        try stage.play("FFFFSXC")
        #expect(stage.events.isEmpty && stage.breaker.totals.calls == 7)
        stage.breaker.close()
        try stage.play("S")
        #expect(stage.recorder.names == ["circuit_breaker.transition", "circuit_breaker.called"])
    }

    @Test("forgetting counts by hand is an event")
    func reset() throws {
        let stage = try Stage(.init(trip: .consecutiveFailures(3)))
        try stage.play("FF")
        stage.recorder.clear()
        stage.breaker.close()
        guard case .reset(.closed, let counts)? = stage.events.first?.kind else {
            Issue.record("\(stage.events)")
            return
        }
        #expect(stage.events.first?.source == "test")
        #expect(counts.row == [2, 0, 2, 0, 0, 2] && stage.events.count == 1)
        #expect(stage.events[0].description == "circuit breaker \"test\" forgot its counts by hand, and stays closed")
        #expect(stage.breaker.counts == Counts() && stage.transitions.isEmpty)
        try stage.play("FF")
        #expect(stage.state == .closed)
    }

    @Test("the error that opened the breaker is known")
    func lastFailure() async throws {
        for observed in [false, true] {
            let stage = try Stage(.fragile(), observed: observed)
            func label(_ error: (any Error)?) -> String? { (error as? InjectedFailure)?.label }
            func rejection() async -> (any Error)? {
                await stage.breaker.run {}.rejection.flatMap { $0 as? OpenError }?.lastFailure
            }
            try await stage.breaker.execute {}
            try? await stage.breaker.execute { throw InjectedFailure("first") }
            #expect(label(await rejection()) == "first")
            stage.clock.advance(by: .seconds(10))
            let probe = try stage.start()
            #expect(label(await rejection()) == "first", "half-open")
            probe.fail(InjectedFailure("second"))
            #expect(label(await rejection()) == "second")
            if observed { #expect(stage.transitions.map { label($0.lastFailure) } == ["first", nil, "second"]) }
            stage.clock.advance(by: .seconds(10))
            let hung = try stage.start()
            stage.clock.advance(by: .seconds(10))
            #expect(label(await rejection()) == "second", "nothing newer is known about a probe that timed out")
            stage.breaker.open()
            #expect(await rejection() == nil)
            stage.breaker.isolate()
            #expect(await rejection() == nil)
            hung.end("C")
        }
        // Opened by a success that completes the volume: the last failure is still the reason.
        let stage = try Stage(.init(trip: .failureRate(0.5, minimumCalls: 2)))
        try? await stage.breaker.execute { throw InjectedFailure("volume") }
        try await stage.breaker.execute {}
        #expect((stage.transitions.first?.lastFailure as? InjectedFailure)?.label == "volume")
    }

    @Test("errors are released outside of the lock")
    func release() throws {
        let stage = try Stage(.init(trip: .consecutiveFailures(2), breakLength: .fixed(.seconds(1))))
        let released = Log<CircuitBreaker.State>()
        for round in 1...20 {
            for _ in 1...2 {
                try stage.breaker.tryAcquirePermit().fail(
                    Reader { [breaker = stage.breaker] in released.append(breaker.state) })
            }
            stage.recorder.clear()
            stage.clock.advance(by: .seconds(1))
            try stage.play(round.isMultiple(of: 2) ? "S" : "C")
            stage.breaker.close()
        }
        #expect(released.elements.count >= 38)
    }

    private final class Reader: Error, Sendable {
        private let action: @Sendable () -> Void
        init(_ action: @escaping @Sendable () -> Void) { self.action = action }
        deinit { action() }
    }

    @Test("counts know how long calls took")
    func durations() throws {
        for window: CircuitBreaker.Window in [.calls(4), .time(.seconds(100)), .unbounded] {
            let stage = try Stage(.init(trip: .failureRate(1, minimumCalls: 4), window: window))
            try stage.play("SX", taking: .seconds(1))
            try stage.play("FC", taking: .seconds(3))
            #expect(stage.breaker.counts.timed == 2 && stage.breaker.counts.totalDuration == .seconds(4))
            #expect(stage.breaker.counts.meanDuration == .seconds(2))
            let data = try JSONEncoder().encode(stage.breaker.snapshot)
            let copy = try Stage(
                .init(trip: .failureRate(1, minimumCalls: 4), window: window),
                restoring: try JSONDecoder().decode(CircuitBreaker.Snapshot.self, from: data))
            #expect(copy.breaker.counts == stage.breaker.counts)
        }
        let untimed = try Stage(.sixInARow, observed: false)
        try untimed.play("SF", taking: .seconds(1))
        #expect(untimed.breaker.counts.timed == 0 && untimed.breaker.counts.meanDuration == nil)
    }

    @Test("machines read one spelling of every state")
    func oneSpelling() throws {
        let stage = try Stage(.fragile())
        stage.breaker.open()
        try stage.breaker.halfOpen()
        let json = String(decoding: try JSONEncoder().encode(stage.breaker.snapshot), as: UTF8.self)
        #expect(json.contains(#""state":"half_open""#))
        var metrics = MetricCollection()
        stage.breaker.collect(into: &metrics)
        let labels = metrics.samples(of: "resilience.circuit_breaker.state").map { "\($0)" }.joined()
        for state in CircuitBreaker.State.allCases { #expect(labels.contains(state.rawValue)) }
        #expect(!labels.contains("halfOpen") && !labels.contains("half-open"))
        #expect(CircuitBreaker.State.halfOpen.rawValue == "half_open")
    }

    @Test("a late result tells its caller")
    func late() throws {
        let stage = try Stage(.fragile(maxWait: .seconds(1)))
        let early = try stage.start()
        let late = try stage.start()
        #expect(early.ends("F") == true && late.ends("F") == false)
        stage.clock.advance(by: .seconds(10))
        let probe = try stage.start()
        stage.clock.advance(by: .seconds(1))
        #expect(probe.ends("S") == false)
        stage.breaker.close()
        let permit = try stage.breaker.tryAcquirePermit()
        let counts = permit.succeed(with: 503) { $0 < 500 }
        #expect(counts)
        #expect(stage.state == .open, "a value that is not accepted is a failure")
        stage.breaker.close()
        try stage.breaker.tryAcquirePermit().succeed(with: 200) { $0 < 500 }
        #expect(stage.state == .closed && stage.breaker.counts.successes == 1)
    }
}
