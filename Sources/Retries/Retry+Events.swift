public import ResilienceCore

extension Retry {
    /// What happens in a retry.
    public enum EventKind: PolicyEventKind {
        /// An attempt failed and will be followed by another, after the delay that is told. Heard before the delay.
        case attemptFailed(FailedAttempt)
        /// A call succeeded, with the last of so many attempts.
        case succeeded(attempts: Int)
        /// A call failed for good after so many attempts.
        case gaveUp(attempts: Int, StopReason, error: any Error)

        /// A warning for a call that failed after retries; info for one that is or was retried; otherwise debug.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .attemptFailed: ("retry.attempt_failed", .info)
            case .succeeded(let attempts): ("retry.succeeded", attempts > 1 ? .info : .debug)
            case .gaveUp(_, let reason, _): ("retry.gave_up", reason.isOfRetryableFailure ? .warning : .debug)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .attemptFailed(let failed): "retry \"\(source)\": \(failed)"
            case .succeeded(let attempts):
                "retry \"\(source)\" succeeded after \(attempts.ofAttempts)"
            case .gaveUp(let attempts, let reason, let error):
                "retry \"\(source)\" gave up after \(attempts.ofAttempts) (\(reason)): \(error)"
            }
        }
    }

    /// Something that happened in a retry.
    public typealias Event = SourcedEvent<EventKind>
}

extension Retry.EventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .attemptFailed(let failed):
            details.add("attempt", failed.attempt)
            details.add(seconds: "delay", failed.delay)
            details.add(failed.error)
        case .succeeded(let attempts): details.add("attempts", attempts)
        case .gaveUp(let attempts, let reason, let error):
            details.add("attempts", attempts)
            details.add("reason", reason.description)
            details.add(error)
        }
    }
}
