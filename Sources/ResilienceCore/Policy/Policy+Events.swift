extension Policy {
    /// How a call ended that went through a policy.
    public enum EventKind: PolicyEventKind {
        /// The call returned a value that was accepted.
        case succeeded(duration: Duration)
        /// The call ended with an error, or with a value that was not accepted.
        case failed(duration: Duration, error: any Error)

        /// Debug: the caller has the error.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .succeeded: ("policy.succeeded", .debug)
            case .failed: ("policy.failed", .debug)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .succeeded(let duration): "policy \"\(source)\" succeeded after \(duration.sentenceForm)"
            case .failed(let duration, let error):
                "policy \"\(source)\" failed after \(duration.sentenceForm): \(error)"
            }
        }
    }

    /// The end of a call that went through a policy.
    public typealias Event = SourcedEvent<EventKind>
}

extension Policy.EventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .succeeded(let duration): details.add(seconds: "duration", duration)
        case .failed(let duration, let error):
            details.add(seconds: "duration", duration)
            details.add(error)
        }
    }
}
