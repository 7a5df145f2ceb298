public import ResilienceCore

extension Bulkhead {
    /// What happens in a bulkhead.
    public enum Event: PolicyEvent {
        /// A call was let through, at once or after a wait. A ``finished(bulkhead:duration:inUse:)`` follows.
        case permitted(bulkhead: String, waited: Duration, inUse: Int)
        /// A call found no free slot and waits.
        case queued(bulkhead: String, queued: Int)
        /// A call was not let through.
        case rejected(bulkhead: String, RejectedError)
        /// A call was cancelled while it waited.
        case cancelled(bulkhead: String, waited: Duration)
        /// A call ended and gave its slot back.
        case finished(bulkhead: String, duration: Duration, inUse: Int)
        /// The limit changed: by hand, or because an adaptive limit has learned.
        case limitChanged(bulkhead: String, from: Int, to: Int, isAdaptive: Bool)

        /// The bulkhead's name.
        public var source: String {
            switch self {
            case .permitted(let bulkhead, _, _), .queued(let bulkhead, _), .rejected(let bulkhead, _),
                .cancelled(let bulkhead, _), .finished(let bulkhead, _, _), .limitChanged(let bulkhead, _, _, _):
                bulkhead
            }
        }

        /// `bulkhead.` and the case.
        public var name: String {
            switch self {
            case .permitted: "bulkhead.permitted"
            case .queued: "bulkhead.queued"
            case .rejected: "bulkhead.rejected"
            case .cancelled: "bulkhead.cancelled"
            case .finished: "bulkhead.finished"
            case .limitChanged: "bulkhead.limit_changed"
            }
        }

        /// Info for a limit that was changed by hand, debug for the rest.
        public var severity: EventSeverity {
            if case .limitChanged(_, _, _, isAdaptive: false) = self { .info } else { .debug }
        }

        /// A sentence for logs.
        public var description: String {
            let subject = "bulkhead \"\(source)\""
            return switch self {
            case .permitted(_, .zero, let inUse): "\(subject) let a call through, \(inUse) in use"
            case .permitted(_, let waited, let inUse):
                "\(subject) let a call through after \(waited.sentenceForm), \(inUse) in use"
            case .queued(_, let queued): "\(subject) has no free slot, \(queued) waiting"
            case .rejected(_, let error): error.description
            case .cancelled(_, let waited): "\(subject) lost a waiting call after \(waited.sentenceForm): cancelled"
            case .finished(_, let duration, let inUse):
                "\(subject) saw a call end after \(duration.sentenceForm), \(inUse) in use"
            case .limitChanged(_, let old, let new, let isAdaptive):
                "\(subject) \(isAdaptive ? "adapted" : "changed") its limit from \(old) to \(new)"
            }
        }
    }
}

extension Bulkhead.Event: DetailedEvent {
    package var eventKind: EventKind { EventKind(severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .permitted(_, let waited, let inUse):
            details.add(seconds: "waited", waited)
            details.add("in_use", inUse)
        case .queued(_, let queued): details.add("queued", queued)
        case .rejected(_, let error): details.add(error)
        case .cancelled(_, let waited): details.add(seconds: "waited", waited)
        case .finished(_, let duration, let inUse):
            details.add(seconds: "duration", duration)
            details.add("in_use", inUse)
        case .limitChanged(_, let old, let new, let isAdaptive):
            details.add("from", old)
            details.add("to", new)
            details.add("adaptive", isAdaptive)
        }
    }
}
