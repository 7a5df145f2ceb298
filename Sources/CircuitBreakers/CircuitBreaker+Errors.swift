public import ResilienceCore

extension CircuitBreaker {
    /// The error of a call that a breaker did not let through.
    public struct OpenError: PolicyRejection, Hashable {
        /// The breaker's name.
        public let policyName: String

        /// The state in which the breaker rejected the call: ``State/open``, ``State/halfOpen`` with all its probes
        /// out, or ``State/isolated``.
        public let state: State

        /// The time after which to try again: the rest of the break; half-open, when the probes are likely to be back,
        /// estimated from the durations of timed calls. `nil` if the breaker is isolated, which does not end by itself.
        ///
        /// Of a fleet's break: the rest as the store last told it, and a little more, in which one node finds out for
        /// all: 400 ms and the time an operation of the store may take, and up to half as much again, by which the
        /// nodes differ so that they do not come back together.
        public let retryAfter: Duration?

        /// The error that opened the breaker, or that of a probe since: the last that counted as a failure. `nil` if
        /// none is known: the breaker was opened by hand, by slow calls that succeeded, or from a snapshot. Ignored by
        /// `==`.
        public let lastFailure: (any Error)?

        init(policyName: String, state: State, retryAfter: Duration?, lastFailure: (any Error)? = nil) {
            self.policyName = policyName
            self.state = state
            self.retryAfter = retryAfter
            self.lastFailure = lastFailure
        }

        /// Whether two rejections say the same, whatever the errors behind them.
        public static func == (lhs: OpenError, rhs: OpenError) -> Bool {
            lhs.policyName == rhs.policyName && lhs.state == rhs.state && lhs.retryAfter == rhs.retryAfter
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(policyName)
            hasher.combine(state)
            hasher.combine(retryAfter)
        }

        /// Why, in a few words.
        public var reason: String {
            state == .halfOpen ? "circuit breaker is half-open and its probes are out" : "circuit breaker is \(state)"
        }

        /// `circuit breaker "payments" is open; retry after 4.2 seconds`
        public var description: String {
            let what = "circuit breaker \"\(policyName)\" is \(state)"
            let detail = state == .halfOpen ? " and its probes are out" : ""
            let hint = retryAfter.map { "; retry after \($0.sentenceForm)" } ?? ""
            return what + detail + hint
        }
    }

    /// The error of a change of state by hand that the current state does not allow.
    public struct TransitionError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The name of the breaker.
        public let policyName: String
        /// The state it is in, and stays in.
        public let from: State
        /// The state that was asked for.
        public let to: State

        /// A sentence for logs.
        public var description: String { "circuit breaker \"\(policyName)\" cannot go from \(from) to \(to)" }
    }
}
