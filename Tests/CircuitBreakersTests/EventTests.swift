import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// What observers hear.
@Suite(.timeLimit(.minutes(30)))
struct EventTests {
    @Test("X-06: an observer may use the breaker it hears from, and events arrive in order")
    func reentrantObserver() throws {
        let observer = ReentrantObserver()
        let clock = ManualClock()
        let breaker = try CircuitBreaker("test", .fragile(), clock: clock, observers: [observer])
        observer.breaker.append(breaker)
        try breaker.tryAcquirePermit().complete(as: .failure)
        clock.advance(by: .seconds(10))
        try breaker.tryAcquirePermit().complete(as: .success)
        // Every call that the observer made is among the events too, after the event that it was made for.
        #expect(
            observer.log.elements == [
                "called failure: open, 0 calls", "open: open, 0 calls", "rejected", "half-open: half-open, 0 calls",
                "rejected", "called success: closed, 0 calls", "closed: closed, 0 calls", "called cancelled",
            ])
    }

    @Test("X-07: a transition carries the counts from before it")
    func countsBefore() throws {
        let stage = try Stage(.init(trip: .failureRate(0.5, minimumCalls: 4), breakLength: .fixed(.seconds(1))))
        try stage.play("SSXFF")
        let opened = try #require(stage.transitions.first)
        #expect(opened.counts.row == [5, 2, 2, 1, 0, 2])
        #expect(stage.breaker.counts == Counts())
        stage.clock.advance(by: .seconds(1))
        try stage.play("SS")
        let last = try stage.start()
        last.end("F")
        #expect(
            stage.transitions.map(\.counts.row) == [[5, 2, 2, 1, 0, 2], [0, 0, 0, 0, 0, 0], [3, 2, 1, 0, 0, 1]])
    }

    @Test("X-22: a new breaker can be read at once")
    func newBreaker() throws {
        let stage = try Stage(.init())
        #expect(stage.state == .closed && stage.breaker.counts == Counts())
        #expect(stage.breaker.totals == CircuitBreaker.Totals() && stage.breaker.totals.calls == 0)
        #expect(stage.breaker.failureRate == nil && stage.breaker.remainingBreak == nil)
        #expect(
            CircuitBreaker.State.allCases.map(\.description) == [
                "closed", "open", "half-open", "isolated", "disabled", "observing",
            ])
        #expect(stage.events.isEmpty)
    }

    @Test("every end of a call is an event")
    func ends() throws {
        let stage = try Stage(
            .init(trip: .consecutiveFailures(9), slowCallDuration: .seconds(1)), observed: true)
        for (letter, seconds) in zip("SFXC", 0...3) { try stage.play(String(letter), taking: .seconds(seconds)) }
        try stage.play("F", taking: .seconds(4))
        let calls = stage.events.compactMap { event -> String? in
            guard case .called(let outcome, let duration, let isSlow) = event.kind else { return nil }
            return "\(outcome) \(duration.components.seconds) \(isSlow)"
        }
        #expect(
            calls == ["success 0 false", "failure 1 false", "ignored 2 false", "cancelled 3 false", "failure 4 true"])
    }

    @Test("every event has its name, its severity and its sentence")
    func sentences() throws {
        let stage = try Stage(.fragile())
        try stage.play("F", taking: .milliseconds(1_500))
        #expect(throws: OpenError.self) { try stage.play("S") }
        stage.breaker.observe()
        try stage.play("F")
        #expect(
            stage.recorder.names == [
                "circuit_breaker.called", "circuit_breaker.transition", "circuit_breaker.rejected",
                "circuit_breaker.transition", "circuit_breaker.called", "circuit_breaker.would_open",
            ])
        #expect(stage.events.map(\.severity) == [.debug, .warning, .debug, .info, .debug, .warning])
        #expect(stage.events.allSatisfy { $0.source == "test" })
        #expect(
            stage.events.map(\.description) == [
                "circuit breaker \"test\" saw a call: failure, 1.5 seconds",
                "circuit breaker \"test\" closed → open (1 consecutive failures)",
                "circuit breaker \"test\" is open; retry after 10 seconds",
                "circuit breaker \"test\" open → observing (by hand)",
                "circuit breaker \"test\" saw a call: failure, 0 seconds",
                "circuit breaker \"test\" would have opened (1 consecutive failures)",
            ])
    }

    @Test("rejections explain themselves")
    func rejections() {
        func error(_ state: CircuitBreaker.State, _ retryAfter: Duration?) -> OpenError {
            OpenError(policyName: "payments", state: state, retryAfter: retryAfter)
        }
        #expect(
            error(.open, .milliseconds(4_200)).description
                == "circuit breaker \"payments\" is open; retry after 4.2 seconds")
        #expect(
            error(.halfOpen, .seconds(1)).description
                == "circuit breaker \"payments\" is half-open and its probes are out; retry after 1 second")
        #expect(error(.isolated, nil).description == "circuit breaker \"payments\" is isolated")
        #expect(error(.halfOpen, nil).reason == "circuit breaker is half-open and its probes are out")
        #expect(error(.isolated, nil).reason == "circuit breaker is isolated")
        let rejection: any PolicyRejection = error(.open, .seconds(1))
        #expect(rejection.retryAfter == .seconds(1) && rejection.policyName == "payments")
    }

    @Test("an observer that is added hears from then on")
    func addedObserver() throws {
        let stage = try Stage(.sixInARow, observed: false)
        let running = try stage.start()
        try stage.play("FFFFF")
        let late = EventRecorder()
        stage.breaker.addObserver(late)
        stage.breaker.addObserver(late)
        stage.clock.advance(by: .seconds(5))
        running.end("F")
        #expect(throws: OpenError.self) { try stage.play("S") }
        #expect(late.names == ["circuit_breaker.called", "circuit_breaker.transition", "circuit_breaker.rejected"])
        // When the call started is not known.
        if case .called(_, let duration, _) = late.events(of: Event.self)[0].kind { #expect(duration == .zero) }
    }

    @Test("every sequence of transitions has those since it was made")
    func transitions() async throws {
        let stage = try Stage(.fragile(), observed: false)
        let first = stage.breaker.transitions
        try stage.play("F")
        let second = stage.breaker.transitions
        stage.clock.advance(by: .seconds(10))
        try stage.play("S")
        for (transitions, expected) in [
            (first, [CircuitBreaker.State.open, .halfOpen, .closed]), (second, [.halfOpen, .closed]),
        ] {
            var path: [CircuitBreaker.State] = []
            for await transition in transitions {
                path.append(transition.to)
                if transition.to == .closed { break }
            }
            #expect(path == expected)
        }
    }

    @Test("a sequence that is not read keeps the latest 256 transitions")
    func overflow() async throws {
        let stage = try Stage(.fragile(), observed: false)
        let transitions = stage.breaker.transitions
        for index in 0..<300 {
            if index.isMultiple(of: 2) { stage.breaker.isolate() } else { stage.breaker.close() }
        }
        stage.breaker.disable()
        var count = 0
        for await transition in transitions {
            count += 1
            if transition.to == .disabled { break }
        }
        #expect(count == 256)
    }

    @Test("an execution tells the state at admission")
    func admission() async throws {
        let stage = try Stage(.fragile())
        var execution = await stage.breaker.run { () throws -> Void in throw InjectedFailure() }
        #expect(execution.circuitBreakerState == .closed)
        execution = await stage.breaker.run {}
        #expect(execution.circuitBreakerState == .open)
        stage.clock.advance(by: .seconds(10))
        execution = await stage.breaker.run {}
        #expect(execution.circuitBreakerState == .halfOpen, "the call was let through as a probe")
    }
}

/// Reads the breaker and makes a call for everything it hears, save for what its own calls cause.
private final class ReentrantObserver: PolicyObserver {
    let breaker = Log<CircuitBreaker>()
    let log = Log<String>()

    func observe(_ event: some PolicyEvent) {
        guard let breaker = breaker.elements.first, let event = event as? Event else { return }
        let what: String
        switch event.kind {
        case .called(let outcome, _, _):
            guard outcome != .cancelled else { return log.append("called cancelled") }
            what = "called \(outcome)"
        case .transition(let transition): what = "\(transition.to)"
        case .rejected: return log.append("rejected")
        case .wouldOpen: what = "would open"
        case .reset: what = "reset"
        }
        log.append("\(what): \(breaker.state), \(breaker.counts.calls) calls")
        if what.hasPrefix("called") { return }
        _ = try? breaker.tryAcquirePermit()
    }
}
