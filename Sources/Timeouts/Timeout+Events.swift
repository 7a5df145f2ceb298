public import ResilienceCore

extension Timeout {
    /// What happens in a timeout.
    public enum EventKind: PolicyEventKind {
        /// A call reached its limit and has now ended, with an error or too late with a value.
        case exceeded(limit: Duration, duration: Duration, isLateSuccess: Bool)
        /// A call was not begun, because there was no time left.
        case rejected(limit: Duration)
        /// A call was left running: at its limit or, before that, because its caller was cancelled.
        case abandoned(limit: Duration, isCancelledByCaller: Bool)
        /// Work that had been left running has ended.
        case abandonedEnded(duration: Duration)

        /// Info; a warning for work that was left running at its limit.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .exceeded: ("timeout.exceeded", .info)
            case .rejected: ("timeout.rejected", .info)
            case .abandoned(_, let isCancelledByCaller): ("timeout.abandoned", isCancelledByCaller ? .info : .warning)
            case .abandonedEnded: ("timeout.abandoned_ended", .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .exceeded(let limit, let duration, let isLateSuccess):
                "timeout \"\(source)\": a call \(isLateSuccess ? "succeeded late" : "failed"), after "
                    + "\(duration.sentenceForm) of \(limit.sentenceForm)"
            case .rejected: "timeout \"\(source)\": no time left to begin a call"
            case .abandoned(_, true):
                "timeout \"\(source)\": left a call running whose caller was cancelled"
            case .abandoned(let limit, false):
                "timeout \"\(source)\": left a call running after \(limit.sentenceForm)"
            case .abandonedEnded(let duration):
                "timeout \"\(source)\": a call that was left running ended after \(duration.sentenceForm)"
            }
        }
    }

    /// Something that happened in a timeout.
    public typealias Event = SourcedEvent<EventKind>
}

extension Timeout.EventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .exceeded(let limit, let duration, let isLateSuccess):
            details.add(seconds: "limit", limit)
            details.add(seconds: "duration", duration)
            details.add("late_success", isLateSuccess)
        case .rejected(let limit): details.add(seconds: "limit", limit)
        case .abandoned(let limit, let isCancelledByCaller):
            details.add(seconds: "limit", limit)
            details.add("cancelled_by_caller", isCancelledByCaller)
        case .abandonedEnded(let duration): details.add(seconds: "duration", duration)
        }
    }
}
