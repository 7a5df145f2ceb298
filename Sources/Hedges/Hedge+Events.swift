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
    public enum Event: PolicyEvent {
        /// A hedge was started.
        case started(hedge: String, attempt: Int, Trigger, after: Duration)
        /// A hedge was due but not started, because the budget was spent.
        case refused(hedge: String, attempt: Int, Trigger, after: Duration)
        /// An attempt was the first to succeed, and is the call's outcome.
        case won(hedge: String, attempt: Int, after: Duration)
        /// An attempt that still ran when the call was decided has ended.
        case lost(hedge: String, attempt: Int, after: Duration)
        /// A call failed, after so many attempts.
        case failed(hedge: String, attempts: Int, error: any Error)

        /// The hedge's name.
        public var source: String {
            switch self {
            case .started(let hedge, _, _, _), .refused(let hedge, _, _, _), .won(let hedge, _, _),
                .lost(let hedge, _, _), .failed(let hedge, _, _):
                hedge
            }
        }

        /// `hedge.` and the case.
        public var name: String {
            switch self {
            case .started: "hedge.started"
            case .refused: "hedge.refused"
            case .won: "hedge.won"
            case .lost: "hedge.lost"
            case .failed: "hedge.failed"
            }
        }

        /// A warning for a call that was hedged in vain; info for one that is hedged; otherwise debug.
        public var severity: EventSeverity {
            switch self {
            case .started, .refused: .info
            case .won(_, let attempt, _): attempt > 1 ? .info : .debug
            case .lost: .debug
            case .failed(_, let attempts, _): attempts > 1 ? .warning : .debug
            }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .started(let hedge, let attempt, let trigger, let time):
                "hedge \"\(hedge)\" started attempt \(attempt) after \(time.sentenceForm) (\(trigger))"
            case .refused(let hedge, let attempt, let trigger, let time):
                "hedge \"\(hedge)\" has no budget for attempt \(attempt) after \(time.sentenceForm) (\(trigger))"
            case .won(let hedge, let attempt, let time):
                "hedge \"\(hedge)\": attempt \(attempt) succeeded after \(time.sentenceForm)"
            case .lost(let hedge, let attempt, let time):
                "hedge \"\(hedge)\": attempt \(attempt) was overtaken and ended after \(time.sentenceForm)"
            case .failed(let hedge, let attempts, let error):
                "hedge \"\(hedge)\" failed after \(attempts) attempt\(attempts == 1 ? "" : "s"): \(error)"
            }
        }
    }
}

extension Hedge.Event: DetailedEvent {
    package var eventKind: EventKind { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .started(_, let attempt, let trigger, let time), .refused(_, let attempt, let trigger, let time):
            details.add("attempt", attempt)
            details.add("trigger", trigger.description)
            details.add(seconds: "elapsed", time)
        case .won(_, let attempt, let time), .lost(_, let attempt, let time):
            details.add("attempt", attempt)
            details.add(seconds: "elapsed", time)
        case .failed(_, let attempts, let error):
            details.add("attempts", attempts)
            details.add(error)
        }
    }
}
