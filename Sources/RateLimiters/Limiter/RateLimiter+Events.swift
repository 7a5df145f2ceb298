public import ResilienceCore

extension RateLimiter {
    /// What happens in a limiter.
    public enum EventKind: PolicyEventKind {
        /// Permits were taken, at once or after a wait. Followed by ``cancelled(permits:)`` if the call that waited
        /// gave up at that very moment; the totals count such a call as cancelled only.
        case permitted(permits: Int, waited: Duration)
        /// A call was rejected: a ``RejectedError`` or an ``ExceedsLimitError``.
        case rejected(any PolicyRejection)
        /// A call gave up waiting, or a reservation was given up; the permits were returned.
        case cancelled(permits: Int)
        /// The configuration was changed.
        case updated(Configuration)
        /// All permits that were there were taken away.
        case drained(permits: Int)

        /// Info for what is done to the limiter, debug for calls.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .permitted: ("rate_limiter.permitted", .debug)
            case .rejected: ("rate_limiter.rejected", .debug)
            case .cancelled: ("rate_limiter.cancelled", .debug)
            case .updated: ("rate_limiter.updated", .info)
            case .drained: ("rate_limiter.drained", .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .permitted(let permits, let waited):
                "rate limiter \"\(source)\" gave \(Self.number(permits))"
                    + (waited == .zero ? "" : " after \(waited.sentenceForm)")
            case .rejected(let error): error.description
            case .cancelled(let permits):
                "rate limiter \"\(source)\" got \(Self.number(permits)) back"
            case .updated(let configuration):
                "rate limiter \"\(source)\" changed to a \(configuration.rule)"
            case .drained(let permits):
                "rate limiter \"\(source)\" was drained of \(Self.number(permits))"
            }
        }

        private static func number(_ permits: Int) -> String { permits == 1 ? "1 permit" : "\(permits) permits" }
    }

    /// Something that happened in a limiter.
    public typealias Event = SourcedEvent<EventKind>
}

extension RateLimiter.EventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .permitted(let permits, let waited):
            details.add("permits", permits)
            details.add(seconds: "waited", waited)
        case .rejected(let error): details.add(error)
        case .cancelled(let permits), .drained(let permits): details.add("permits", permits)
        case .updated(let configuration): details.add("rule", "\(configuration.rule)")
        }
    }
}
