public import ResilienceCore

extension Timeout {
    /// The error of a call that took longer than its limit.
    ///
    /// Not a `PolicyRejection`: the call was made, and its service did not answer in time, so that a breaker outside of
    /// the timeout counts a failure, and an adaptive bulkhead an overload.
    public struct ExceededError: OverloadError, Sendable, CustomStringConvertible {
        /// The name of the timeout.
        public let policyName: String

        /// The limit that was reached.
        public let limit: Duration

        /// What the operation threw when it was cancelled: a `CancellationError`, or its client's own error. `nil` if
        /// the operation was abandoned.
        public let underlying: (any Error)?

        /// `timeout "payments" exceeded its limit of 2 seconds`
        public var description: String { "timeout \"\(policyName)\" exceeded its limit of \(limit.sentenceForm)" }
    }

    /// The error of a call that was not made, because no time was left for it.
    public struct NoTimeLeftError: PolicyRejection, Hashable {
        /// The name of the timeout.
        public let policyName: String

        package init(policyName: String) {
            self.policyName = policyName
        }

        /// Why, in a few words.
        public var reason: String { "no time is left" }

        /// Always `nil`: waiting doesn't help, for there is even less time later.
        public var retryAfter: Duration? { nil }

        /// `timeout "payments" has no time left for a call`
        public var description: String { "timeout \"\(policyName)\" has no time left for a call" }
    }
}

extension Timeout.ExceededError: TracedError {
    package var callEvent: CallEvent {
        CallEvent("timeout.exceeded", source: policyName) { $0.add(seconds: "limit", limit) }
    }
}
