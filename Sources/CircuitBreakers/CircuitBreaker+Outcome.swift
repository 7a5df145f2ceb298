internal import ResilienceCore

extension CircuitBreaker {
    /// What a call's end means to the breaker. Whether a call is slow is decided apart from this, by its duration.
    public enum Outcome: Sendable, Hashable {
        /// The service works.
        case success
        /// The service does not.
        case failure
        /// Says nothing about the service, such as an error of the caller's own making. Counted, but neither way.
        case ignored
        /// The caller gave up. Neither way, and a probe's place is free again.
        case cancelled

        init(_ verdict: ErrorConditions.Verdict) {
            self =
                switch verdict {
                case .failure: .failure
                case .success: .success
                case .ignored: .ignored
                case .cancelled: .cancelled
                }
        }
    }
}

extension CircuitBreaker.Configuration {
    var conditions: ErrorConditions { ErrorConditions(handles: handles, ignores: ignores) }
}
