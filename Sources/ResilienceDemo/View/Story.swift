import Resilience

/// Something that changed during the run, for the live view.
struct StoryEvent: Sendable, Equatable {
    enum Change: Sendable, Equatable {
        case phase(Phase)
        case breaker(to: CircuitBreaker.State, reason: CircuitBreaker.Reason, breakLength: Duration?)
        /// For the first time in a phase.
        case first(Help)
    }

    /// What a layer does for a call that cannot be sent.
    enum Help: Sendable, Hashable {
        case limited
        case full(running: Int)
        case servedLastGood(age: Duration)

        /// Which of them, whatever the numbers.
        var kind: Int {
            switch self {
            case .limited: 0
            case .full: 1
            case .servedLastGood: 2
            }
        }
    }

    let moment: Duration
    let change: Change

    /// One line, without the moment.
    var text: String {
        switch change {
        case .phase(let phase): "upstream \(phase): \(phase.story)"
        case .breaker(let state, let reason, let breakLength):
            "breaker \(state): \(Self.text(reason))"
                + (breakLength.map { ", no calls for \($0.cell)" } ?? "")
        case .first(.limited): "limiter out of permits: what is over is refused at once"
        case .first(.full(let running)): "bulkhead full: \(running) calls run, its queue is full or too slow"
        case .first(.servedLastGood(let age)): "the last good answer is given instead, \(age.cell) old"
        }
    }

    private static func text(_ reason: CircuitBreaker.Reason) -> String {
        switch reason {
        case .failureRate(let rate): "\(rate.percent) of calls failed"
        case .slowCallRate(let rate): "\(rate.percent) of calls were slow"
        case .breakEnded: "the break is over, probes may pass"
        case .probesSucceeded: "the probes succeeded"
        case .probesFailed: "a probe was slow or failed"
        case .probesTimedOut: "the probes took too long"
        default: reason.description
        }
    }
}

/// Collects what changes: told by the conductor of the phases, and by the layers as an observer.
final class Story: PolicyObserver {
    private struct State {
        var stopwatch: Stopwatch
        var events: [StoryEvent] = []
        /// What was told since the phase began, so that a thousand refusals are one line.
        var told: Set<Int> = []
    }

    private let state: Lock<State>

    init(_ stopwatch: Stopwatch) {
        state = Lock(State(stopwatch: stopwatch))
    }

    var events: [StoryEvent] { state.withLock { $0.events } }

    /// Forgets everything and starts over.
    func restart(_ stopwatch: Stopwatch) {
        state.withLock { $0 = State(stopwatch: stopwatch) }
    }

    func add(_ change: StoryEvent.Change) {
        state.withLock { state in
            switch change {
            case .phase: state.told = []
            case .first(let help): guard state.told.insert(help.kind).inserted else { return }
            case .breaker: break
            }
            state.events.append(StoryEvent(moment: state.stopwatch.elapsed, change: change))
        }
    }

    func observe(_ event: some PolicyEvent) {
        switch event {
        case let event as CircuitBreaker.Event:
            guard case .transition(let transition) = event.kind else { return }
            add(.breaker(to: transition.to, reason: transition.reason, breakLength: transition.breakLength))
        case let event as RateLimiter.Event:
            if case .rejected = event.kind { add(.first(.limited)) }
        case let event as Bulkhead.Event:
            if case .rejected(let error) = event.kind { add(.first(.full(running: error.limit))) }
        case let event as FallbackEvent:
            if case .served(let served, _, _) = event.kind, let age = served.age {
                add(.first(.servedLastGood(age: age)))
            }
        default: break
        }
    }
}
