public import ResilienceCore

extension Retry {
    /// What happens in a retry.
    public enum Event: PolicyEvent {
        /// An attempt failed and will be followed by another, after the delay that is told. Heard before the delay.
        case attemptFailed(retry: String, FailedAttempt)
        /// A call succeeded, with the last of so many attempts.
        case succeeded(retry: String, attempts: Int)
        /// A call failed for good after so many attempts.
        case gaveUp(retry: String, attempts: Int, StopReason, error: any Error)

        /// The retry's name.
        public var source: String {
            switch self {
            case .attemptFailed(let retry, _), .succeeded(let retry, _), .gaveUp(let retry, _, _, _): retry
            }
        }

        /// `retry.` and the case.
        public var name: String {
            switch self {
            case .attemptFailed: "retry.attempt_failed"
            case .succeeded: "retry.succeeded"
            case .gaveUp: "retry.gave_up"
            }
        }

        /// A warning for a call that was retried in vain; info for one that is or was retried; otherwise debug.
        public var severity: EventSeverity {
            switch self {
            case .attemptFailed: .info
            case .succeeded(_, let attempts): attempts > 1 ? .info : .debug
            case .gaveUp(_, _, let reason, _): reason.isOfRetryableFailure ? .warning : .debug
            }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .attemptFailed(let retry, let failed): "retry \"\(retry)\": \(failed)"
            case .succeeded(let retry, let attempts):
                "retry \"\(retry)\" succeeded after \(attempts.ofAttempts)"
            case .gaveUp(let retry, let attempts, let reason, let error):
                "retry \"\(retry)\" gave up after \(attempts.ofAttempts) (\(reason)): \(error)"
            }
        }
    }
}

extension Retry.Event: DetailedEvent {
    package var eventKind: EventKind { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .attemptFailed(_, let failed):
            details.add("attempt", failed.attempt)
            details.add(seconds: "delay", failed.delay)
            details.add(failed.error)
        case .succeeded(_, let attempts): details.add("attempts", attempts)
        case .gaveUp(_, let attempts, let reason, let error):
            details.add("attempts", attempts)
            details.add("reason", reason.description)
            details.add(error)
        }
    }
}
