public import ResilienceCore

extension AdaptiveThrottle {
    /// What happens in a throttle.
    public enum EventKind: PolicyEventKind {
        /// The throttle rejected the first call since the probability of a rejection was last 0.
        case throttling(probability: Double)
        /// The probability of a rejection is 0 again, after calls were rejected.
        case recovered
        /// A call ended.
        case called(Outcome, duration: Duration)
        /// A call was rejected.
        case rejected(RejectedError)

        /// A warning when it begins to reject, info when it ends, debug for calls.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .throttling: ("adaptive_throttle.throttling", .warning)
            case .recovered: ("adaptive_throttle.recovered", .info)
            case .called: ("adaptive_throttle.called", .debug)
            case .rejected: ("adaptive_throttle.rejected", .debug)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .throttling: "adaptive throttle \"\(source)\" begins to reject calls"
            case .recovered: "adaptive throttle \"\(source)\" rejects no more calls"
            case .called(let outcome, let duration):
                "adaptive throttle \"\(source)\" saw a call: \(outcome), \(duration.sentenceForm)"
            case .rejected(let error): error.description
            }
        }
    }

    /// Something that happened in a throttle.
    public typealias Event = SourcedEvent<EventKind>
}

extension AdaptiveThrottle.EventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .throttling(let probability): details.add("probability", probability)
        case .recovered: break
        case .called(let outcome, let duration):
            details.add("outcome", "\(outcome)")
            details.add(seconds: "duration", duration)
        case .rejected(let error): details.add(error)
        }
    }
}
