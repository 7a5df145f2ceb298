public import ResilienceCore

extension RateLimiter {
    /// What happens in a keyed limiter. The key is there as a value; no text names it, because keys are many and often
    /// say who somebody is.
    public enum KeyedEventKind: PolicyEventKind {
        /// The type of a key, whichever it is.
        public typealias Key = any Hashable & Sendable

        /// Permits were taken, at once or after a wait. Followed by ``cancelled(key:permits:)`` if the call that
        /// waited gave up at that very moment; the totals count such a call as cancelled only.
        case permitted(key: Key, permits: Int, waited: Duration)
        /// A call was rejected: a ``RejectedError``, an ``ExceedsLimitError`` or a ``TooManyKeysError``.
        case rejected(key: Key, any PolicyRejection)
        /// A call gave up waiting; the permits were returned.
        case cancelled(key: Key, permits: Int)
        /// A key with permits in use was forgotten, because all places were taken and another key came.
        case forgotten(key: Key)
        /// The configuration was changed.
        case updated(KeyedConfiguration)

        /// Info for a change of the configuration and for a key that was forgotten too soon, debug for calls.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .permitted: ("keyed_rate_limiter.permitted", .debug)
            case .rejected: ("keyed_rate_limiter.rejected", .debug)
            case .cancelled: ("keyed_rate_limiter.cancelled", .debug)
            case .forgotten: ("keyed_rate_limiter.forgotten", .info)
            case .updated: ("keyed_rate_limiter.updated", .info)
            }
        }

        /// A sentence for logs, without the key.
        public func description(of source: String) -> String {
            switch self {
            case .permitted(_, let permits, let waited):
                "rate limiter \"\(source)\" gave a key \(Self.number(permits))"
                    + (waited == .zero ? "" : " after \(waited.sentenceForm)")
            case .rejected(_, let error): error.description
            case .cancelled(_, let permits):
                "rate limiter \"\(source)\" got \(Self.number(permits)) of a key back"
            case .forgotten:
                "rate limiter \"\(source)\" forgot a key whose permits were in use, because it is full"
            case .updated(let configuration):
                "rate limiter \"\(source)\" changed to a \(configuration.rule) for each key"
            }
        }

        private static func number(_ permits: Int) -> String { permits == 1 ? "1 permit" : "\(permits) permits" }
    }

    /// Something that happened in a keyed limiter.
    public typealias KeyedEvent = SourcedEvent<KeyedEventKind>
}

extension RateLimiter.KeyedEventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .permitted(_, let permits, let waited):
            details.add("permits", permits)
            details.add(seconds: "waited", waited)
        case .rejected(_, let error): details.add(error)
        case .cancelled(_, let permits): details.add("permits", permits)
        case .forgotten: break
        case .updated(let configuration): details.add("rule", "\(configuration.rule)")
        }
    }
}
