public import ResilienceCore

extension Hedge {
    /// Why a hedge is started.
    public enum Trigger: Sendable, Hashable, CustomStringConvertible {
        /// No attempt had succeeded within the delay.
        case delay
        /// An attempt had failed.
        case failure

        /// A word for logs.
        public var description: String {
            switch self {
            case .delay: "delay"
            case .failure: "failure"
            }
        }
    }

    /// What happens in a hedge. An attempt's number is 1 for the primary, 2 for the first hedge; times count from the
    /// start of the call.
    public enum EventKind: PolicyEventKind {
        /// A hedge was started.
        case started(attempt: Int, Trigger, after: Duration)
        /// A hedge was due but not started, because the budget was spent.
        case refused(attempt: Int, Trigger, after: Duration)
        /// An attempt was the first to succeed, and is the call's outcome.
        case won(attempt: Int, after: Duration)
        /// An attempt that still ran when the call was decided has ended.
        case lost(attempt: Int, after: Duration)
        /// A call failed, after so many attempts.
        case failed(attempts: Int, error: any Error)

        /// A warning for a call that failed although it was hedged; info for one that is hedged; otherwise debug.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .started: ("hedge.started", .info)
            case .refused: ("hedge.refused", .info)
            case .won(let attempt, _): ("hedge.won", attempt > 1 ? .info : .debug)
            case .lost: ("hedge.lost", .debug)
            case .failed(let attempts, _): ("hedge.failed", attempts > 1 ? .warning : .debug)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .started(let attempt, let trigger, let time):
                "hedge \"\(source)\" started attempt \(attempt) after \(time.sentenceForm) (\(trigger))"
            case .refused(let attempt, let trigger, let time):
                "hedge \"\(source)\" has no budget for attempt \(attempt) after \(time.sentenceForm) (\(trigger))"
            case .won(let attempt, let time):
                "hedge \"\(source)\": attempt \(attempt) succeeded after \(time.sentenceForm)"
            case .lost(let attempt, let time):
                "hedge \"\(source)\": attempt \(attempt) was overtaken and ended after \(time.sentenceForm)"
            case .failed(let attempts, let error):
                "hedge \"\(source)\" failed after \(attempts) attempt\(attempts == 1 ? "" : "s"): \(error)"
            }
        }
    }

    /// Something that happened in a hedge.
    public typealias Event = SourcedEvent<EventKind>
}

extension Hedge.EventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .started(let attempt, let trigger, let time), .refused(let attempt, let trigger, let time):
            details.add("attempt", attempt)
            details.add("trigger", trigger.description)
            details.add(seconds: "after", time)
        case .won(let attempt, let time), .lost(let attempt, let time):
            details.add("attempt", attempt)
            details.add(seconds: "after", time)
        case .failed(let attempts, let error):
            details.add("attempts", attempts)
            details.add(error)
        }
    }
}
