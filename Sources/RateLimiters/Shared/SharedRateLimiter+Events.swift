public import ResilienceCore

extension SharedRateLimiter {
    /// What happens in a shared limiter, also a keyed one. Keys are as the store knows them; `nil` without keys.
    public enum EventKind: PolicyEventKind {
        /// Permits were taken, at once or after a wait. Followed by ``cancelled(key:permits:)`` if the waiting call
        /// gave up at that very moment.
        case permitted(key: String?, permits: Int, waited: Duration)
        /// A call was rejected.
        case rejected(key: String?, any PolicyRejection)
        /// A waiting call gave up.
        case cancelled(key: String?, permits: Int)
        /// Another rule or configuration is in force.
        case updated(SharedRateLimiter.Configuration)
        /// The store does not answer: from now on the node decides alone. Told once, until the store is back.
        case degraded(SharedStateError)
        /// The store answers again, after so long.
        case recovered(after: Duration)

        /// A warning when the store is away, info when it is back, debug for calls.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .permitted: ("shared_rate_limiter.permitted", .debug)
            case .rejected: ("shared_rate_limiter.rejected", .debug)
            case .cancelled: ("shared_rate_limiter.cancelled", .debug)
            case .updated: ("shared_rate_limiter.updated", .info)
            case .degraded: ("shared_rate_limiter.degraded", .warning)
            case .recovered: ("shared_rate_limiter.recovered", .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .permitted(_, let permits, let waited):
                "shared rate limiter \"\(source)\" gave \(Self.number(permits))"
                    + (waited == .zero ? "" : " after \(waited.sentenceForm)")
            case .rejected(_, let error): error.description
            case .cancelled(_, let permits):
                "shared rate limiter \"\(source)\" got \(Self.number(permits)) back"
            case .updated(let configuration):
                "shared rate limiter \"\(source)\" goes by another rule: \(configuration.rule)"
            case .degraded(let error): "shared rate limiter \"\(source)\" decides alone: \(error)"
            case .recovered(let time):
                "shared rate limiter \"\(source)\" shares its quota again, after \(time.sentenceForm)"
            }
        }

        private static func number(_ permits: Int) -> String { permits == 1 ? "1 permit" : "\(permits) permits" }
    }

    /// Something that happened in a shared limiter.
    public typealias Event = SourcedEvent<EventKind>
}

extension SharedRateLimiter.EventKind: EventContent {
    package var subject: EventSubject { if case .degraded = self { .failure } else { EventSubject(label.severity) } }

    package func add(to details: inout EventDetails) {
        switch self {
        case .permitted(_, let permits, let waited):
            details.add("permits", permits)
            details.add(seconds: "waited", waited)
        case .rejected(_, let error): details.add(error)
        case .cancelled(_, let permits): details.add("permits", permits)
        case .updated(let configuration): details.add("rule", "\(configuration.rule)")
        case .degraded(let error): details.add(error)
        case .recovered(let time): details.add(seconds: "after", time)
        }
    }
}
