import CircuitBreakers
import ResilienceCore

/// Something that changed during the run, for the live view.
struct StoryEvent: Sendable, Equatable {
    enum Change: Sendable, Equatable {
        case phase(Phase)
        case breaker(to: CircuitBreaker.State, reason: CircuitBreaker.Reason, breakLength: Duration?)
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

/// Collects what changes: told by the conductor of the phases, and by the breaker as an observer.
final class Story: PolicyObserver {
    private let stopwatch: Stopwatch
    private let log = Lock<[StoryEvent]>([])

    init(_ stopwatch: Stopwatch) {
        self.stopwatch = stopwatch
    }

    var events: [StoryEvent] { log.withLock { $0 } }

    func add(_ change: StoryEvent.Change) {
        let event = StoryEvent(moment: stopwatch.elapsed, change: change)
        log.withLock { $0.append(event) }
    }

    func observe(_ event: some PolicyEvent) {
        guard let event = event as? CircuitBreaker.Event, case .transition(_, let transition) = event else { return }
        add(.breaker(to: transition.to, reason: transition.reason, breakLength: transition.breakLength))
    }
}
