public import ResilienceCore

extension AdaptiveThrottle {
    /// What happens in a throttle.
    public enum Event: PolicyEvent {
        /// The throttle rejected the first call since the probability of a rejection was last 0.
        case throttling(throttle: String, probability: Double)
        /// The probability of a rejection is 0 again, after calls were rejected.
        case recovered(throttle: String)
        /// A call ended.
        case called(throttle: String, Outcome, duration: Duration)
        /// A call was rejected.
        case rejected(throttle: String, RejectedError)

        /// The throttle's name.
        public var source: String {
            switch self {
            case .throttling(let throttle, _), .recovered(let throttle), .called(let throttle, _, _),
                .rejected(let throttle, _):
                throttle
            }
        }

        /// `adaptive_throttle.` and the case.
        public var name: String {
            switch self {
            case .throttling: "adaptive_throttle.throttling"
            case .recovered: "adaptive_throttle.recovered"
            case .called: "adaptive_throttle.called"
            case .rejected: "adaptive_throttle.rejected"
            }
        }

        /// A warning when it begins to reject, info when it ends, debug for calls.
        public var severity: EventSeverity {
            switch self {
            case .throttling: .warning
            case .recovered: .info
            case .called, .rejected: .debug
            }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .throttling(let throttle, _): "adaptive throttle \"\(throttle)\" begins to reject calls"
            case .recovered(let throttle): "adaptive throttle \"\(throttle)\" rejects no more calls"
            case .called(let throttle, let outcome, let duration):
                "adaptive throttle \"\(throttle)\" saw a call: \(outcome), \(duration.sentenceForm)"
            case .rejected(_, let error): error.description
            }
        }
    }
}

extension AdaptiveThrottle.Event: DetailedEvent {
    package var eventKind: EventKind { EventKind(severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .throttling(_, let probability): details.add("probability", probability)
        case .recovered: break
        case .called(_, let outcome, let duration):
            details.add("outcome", "\(outcome)")
            details.add(seconds: "duration", duration)
        case .rejected(_, let error): details.add(error)
        }
    }
}
