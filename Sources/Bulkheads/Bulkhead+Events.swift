public import ResilienceCore

extension Bulkhead {
    /// What happens in a bulkhead.
    public enum EventKind: PolicyEventKind {
        /// A call was let through, at once or after a wait. A ``finished(duration:inUse:)`` follows.
        case permitted(waited: Duration, inUse: Int)
        /// A call found no free slot and waits.
        case queued(waiting: Int)
        /// A call was not let through.
        case rejected(RejectedError)
        /// A call was cancelled while it waited.
        case cancelled(waited: Duration)
        /// A call ended and gave its slot back.
        case finished(duration: Duration, inUse: Int)
        /// The limit changed: by hand, or because an adaptive limit has learned.
        case limitChanged(from: Int, to: Int, isAdaptive: Bool)

        /// Info for a limit that was changed by hand, debug for the rest.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .permitted: ("bulkhead.permitted", .debug)
            case .queued: ("bulkhead.queued", .debug)
            case .rejected: ("bulkhead.rejected", .debug)
            case .cancelled: ("bulkhead.cancelled", .debug)
            case .finished: ("bulkhead.finished", .debug)
            case .limitChanged(_, _, let isAdaptive): ("bulkhead.limit_changed", isAdaptive ? .debug : .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            let subject = "bulkhead \"\(source)\""
            return switch self {
            case .permitted(.zero, let inUse): "\(subject) let a call through, \(inUse) in use"
            case .permitted(let waited, let inUse):
                "\(subject) let a call through after \(waited.sentenceForm), \(inUse) in use"
            case .queued(let waiting): "\(subject) has no free slot, \(waiting) waiting"
            case .rejected(let error): error.description
            case .cancelled(let waited): "\(subject) lost a waiting call after \(waited.sentenceForm): cancelled"
            case .finished(let duration, let inUse):
                "\(subject) saw a call end after \(duration.sentenceForm), \(inUse) in use"
            case .limitChanged(let old, let new, let isAdaptive):
                "\(subject) \(isAdaptive ? "adapted" : "changed") its limit from \(old) to \(new)"
            }
        }
    }

    /// Something that happened in a bulkhead.
    public typealias Event = SourcedEvent<EventKind>
}

extension Bulkhead.EventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .permitted(let waited, let inUse):
            details.add(seconds: "waited", waited)
            details.add("in_use", inUse)
        case .queued(let waiting): details.add("waiting", waiting)
        case .rejected(let error): details.add(error)
        case .cancelled(let waited): details.add(seconds: "waited", waited)
        case .finished(let duration, let inUse):
            details.add(seconds: "duration", duration)
            details.add("in_use", inUse)
        case .limitChanged(let old, let new, let isAdaptive):
            details.add("from", old)
            details.add("to", new)
            details.add("adaptive", isAdaptive)
        }
    }
}
