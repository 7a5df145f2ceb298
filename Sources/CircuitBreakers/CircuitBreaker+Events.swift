public import ResilienceCore

extension CircuitBreaker {
    /// Why a breaker changed its state.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// So many calls in a row failed.
        case consecutiveFailures(Int)
        /// This share of the calls failed.
        case failureRate(Double)
        /// This share of the calls was slow.
        case slowCallRate(Double)
        /// The predicate of the trip rule held.
        case predicate
        /// The break was over.
        case breakEnded
        /// The probes showed that the service works.
        case probesSucceeded
        /// The probes showed that it does not.
        case probesFailed
        /// Probes were out for too long.
        case probesTimedOut
        /// The application asked for it.
        case manual
        /// A snapshot was restored.
        case restored
        /// The fleet opened or closed it: see ``FleetCircuit``.
        case fleet

        /// A few words for logs.
        public var description: String {
            switch self {
            case .consecutiveFailures(let count): "\(count) consecutive failures"
            case .failureRate(let rate): "failure rate \(rate)"
            case .slowCallRate(let rate): "slow call rate \(rate)"
            case .predicate: "trip predicate"
            case .breakEnded: "break ended"
            case .probesSucceeded: "probes succeeded"
            case .probesFailed: "probes failed"
            case .probesTimedOut: "probes timed out"
            case .manual: "by hand"
            case .restored: "restored"
            case .fleet: "by the fleet"
            }
        }
    }

    /// A change of state.
    public struct Transition: Sendable, Hashable, CustomStringConvertible {
        /// The state before.
        public let from: State
        /// The state after.
        public let to: State
        /// Why.
        public let reason: Reason
        /// The counts from before the change, which resets them.
        public let counts: Counts
        /// How long the break is, if the breaker opened.
        public let breakLength: Duration?
        /// The error that opened the breaker, if it opened: the last that counted as a failure. `nil` if there is none,
        /// as after slow calls that succeeded, and where it was opened by hand or restored. Ignored by `==`.
        public let lastFailure: (any Error)?

        /// Whether two changes are the same, whatever the errors behind them.
        public static func == (lhs: Transition, rhs: Transition) -> Bool {
            lhs.from == rhs.from && lhs.to == rhs.to && lhs.reason == rhs.reason && lhs.counts == rhs.counts
                && lhs.breakLength == rhs.breakLength
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(from)
            hasher.combine(to)
            hasher.combine(reason)
            hasher.combine(counts)
            hasher.combine(breakLength)
        }

        /// `closed → open (failure rate 0.6)`
        public var description: String { "\(from) → \(to) (\(reason))" }
    }

    /// What happens in a breaker.
    public enum EventKind: PolicyEventKind {
        /// The state changed.
        case transition(Transition)
        /// A breaker that only observes would have opened. Each rule says so once, until the counts are reset or
        /// another configuration is put in force.
        case wouldOpen(Reason, counts: Counts)
        /// The counts were reset by hand, in the state that the breaker was in. They are those from before.
        case reset(State, counts: Counts)
        /// A call ended. A disabled breaker does not tell.
        case called(Outcome, duration: Duration, isSlow: Bool)
        /// A call was not let through.
        case rejected(OpenError)

        /// A warning for a breaker that opens or would have, info for other changes, debug for calls.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .transition(let transition):
                ("circuit_breaker.transition", transition.to == .open ? .warning : .info)
            case .wouldOpen: ("circuit_breaker.would_open", .warning)
            case .reset: ("circuit_breaker.reset", .info)
            case .called: ("circuit_breaker.called", .debug)
            case .rejected: ("circuit_breaker.rejected", .debug)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .transition(let transition): "circuit breaker \"\(source)\" \(transition)"
            case .wouldOpen(let reason, _): "circuit breaker \"\(source)\" would have opened (\(reason))"
            case .reset(let state, _):
                "circuit breaker \"\(source)\" forgot its counts by hand, and stays \(state)"
            case .called(let outcome, let duration, let isSlow):
                "circuit breaker \"\(source)\" saw a \(isSlow ? "slow " : "")call: \(outcome), "
                    + duration.sentenceForm
            case .rejected(let error): error.description
            }
        }
    }

    /// Something that happened in a breaker.
    public typealias Event = SourcedEvent<EventKind>
}

extension CircuitBreaker.EventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .transition(let transition):
            details.add("from", transition.from.rawValue)
            details.add("to", transition.to.rawValue)
            details.add("reason", transition.reason.description)
            transition.counts.add(to: &details)
            details.add(seconds: "break", transition.breakLength)
            if let error = transition.lastFailure { details.add(error) }
        case .wouldOpen(let reason, let counts):
            details.add("reason", reason.description)
            counts.add(to: &details)
        case .reset(let state, let counts):
            details.add("state", state.rawValue)
            counts.add(to: &details)
        case .called(let outcome, let duration, let isSlow):
            details.add("outcome", "\(outcome)")
            details.add(seconds: "duration", duration)
            details.add("slow", isSlow)
        case .rejected(let error):
            details.add("state", error.state.rawValue)
            details.add(error)
        }
    }
}

extension CircuitBreaker.Counts {
    fileprivate func add(to details: inout EventDetails) {
        details.add("calls", calls)
        details.add("failures", failures)
        details.add("failure_rate", failureRate)
        details.add("slow_calls", slow)
    }
}
