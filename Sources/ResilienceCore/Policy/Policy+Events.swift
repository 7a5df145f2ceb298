extension Policy {
    /// The end of a call that went through a policy.
    public enum Event: PolicyEvent {
        /// The call returned a value that was accepted.
        case succeeded(policy: String, duration: Duration)
        /// The call ended with an error, or with a value that was not accepted.
        case failed(policy: String, duration: Duration, error: any Error)

        /// The policy.
        public var source: String {
            switch self {
            case .succeeded(let policy, _), .failed(let policy, _, _): policy
            }
        }

        /// `policy.succeeded` or `policy.failed`.
        public var name: String {
            switch self {
            case .succeeded: "policy.succeeded"
            case .failed: "policy.failed"
            }
        }

        /// Debug: the caller has the error.
        public var severity: EventSeverity { .debug }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .succeeded(let policy, let duration):
                "policy \"\(policy)\" succeeded after \(duration.sentenceForm)"
            case .failed(let policy, let duration, let error):
                "policy \"\(policy)\" failed after \(duration.sentenceForm): \(error)"
            }
        }
    }
}

extension Policy.Event: DetailedEvent {
    package var eventKind: EventKind { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .succeeded(_, let duration): details.add(seconds: "duration", duration)
        case .failed(_, let duration, let error):
            details.add(seconds: "duration", duration)
            details.add(error)
        }
    }
}
