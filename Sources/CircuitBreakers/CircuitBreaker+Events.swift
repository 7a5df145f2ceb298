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
        /// Somebody asked for it.
        case manual
        /// A snapshot was restored.
        case restored

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
        /// The counts from before the change, which then starts them anew.
        public let counts: Counts
        /// How long the break is, if the breaker opened.
        public let breakLength: Duration?
        /// The error that opened the breaker, if it opened: the last that counted as a failure. `nil` if there is none,
        /// as after slow calls that succeeded, and where it was opened by hand or restored. Not looked at by `==`.
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
    public enum Event: PolicyEvent {
        /// The state changed.
        case transition(breaker: String, Transition)
        /// A breaker that only observes would have opened. Each rule says so once, until the counts start anew or
        /// another configuration is put in force.
        case wouldOpen(breaker: String, Reason, counts: Counts)
        /// By hand, the counts started anew in the state that the breaker was in. They are those from before.
        case reset(breaker: String, State, counts: Counts)
        /// A call ended. A disabled breaker does not tell.
        case called(breaker: String, Outcome, duration: Duration, isSlow: Bool)
        /// A call was not let through.
        case rejected(breaker: String, OpenError)

        /// The breaker's name.
        public var source: String {
            switch self {
            case .transition(let breaker, _), .wouldOpen(let breaker, _, _), .reset(let breaker, _, _),
                .called(let breaker, _, _, _), .rejected(let breaker, _):
                breaker
            }
        }

        /// `circuit_breaker.` and the case.
        public var name: String {
            switch self {
            case .transition: "circuit_breaker.transition"
            case .wouldOpen: "circuit_breaker.would_open"
            case .reset: "circuit_breaker.reset"
            case .called: "circuit_breaker.called"
            case .rejected: "circuit_breaker.rejected"
            }
        }

        /// A warning for a breaker that opens or would have, info for other changes, debug for calls.
        public var severity: EventSeverity {
            switch self {
            case .transition(_, let transition): transition.to == .open ? .warning : .info
            case .wouldOpen: .warning
            case .reset: .info
            case .called, .rejected: .debug
            }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .transition(let breaker, let transition): "circuit breaker \"\(breaker)\" \(transition)"
            case .wouldOpen(let breaker, let reason, _): "circuit breaker \"\(breaker)\" would have opened (\(reason))"
            case .reset(let breaker, let state, _):
                "circuit breaker \"\(breaker)\" forgot its counts by hand, and stays \(state)"
            case .called(let breaker, let outcome, let duration, let isSlow):
                "circuit breaker \"\(breaker)\" saw a \(isSlow ? "slow " : "")call: \(outcome), "
                    + duration.sentenceForm
            case .rejected(_, let error): error.description
            }
        }
    }
}
