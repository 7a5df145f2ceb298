public import ResilienceCore

extension RateLimiter {
    /// What happens in a keyed limiter. The key is there as a value; no text names it, because keys are many and often
    /// say who somebody is.
    public enum KeyedEvent: PolicyEvent {
        /// The type of a key, whichever it is.
        public typealias Key = any Hashable & Sendable

        /// Permits were taken, at once or after a wait. Followed by ``cancelled(limiter:key:permits:)`` if whoever
        /// waited gave up at that very moment; the totals count such an ask as cancelled only.
        case permitted(limiter: String, key: Key, permits: Int, waited: Duration)
        /// An ask was refused: a ``RejectedError``, an ``ExceedsLimitError`` or a ``TooManyKeysError``.
        case rejected(limiter: String, key: Key, any PolicyRejection)
        /// Somebody gave up waiting; the permits were returned.
        case cancelled(limiter: String, key: Key, permits: Int)
        /// A key with permits in use was forgotten, because all places were taken and another key came.
        case forgot(limiter: String, key: Key)
        /// The configuration was changed.
        case updated(limiter: String, KeyedConfiguration)

        /// The limiter's name.
        public var source: String {
            switch self {
            case .permitted(let limiter, _, _, _), .rejected(let limiter, _, _), .cancelled(let limiter, _, _),
                .forgot(let limiter, _), .updated(let limiter, _):
                limiter
            }
        }

        /// `keyed_rate_limiter.` and the case.
        public var name: String {
            switch self {
            case .permitted: "keyed_rate_limiter.permitted"
            case .rejected: "keyed_rate_limiter.rejected"
            case .cancelled: "keyed_rate_limiter.cancelled"
            case .forgot: "keyed_rate_limiter.forgot"
            case .updated: "keyed_rate_limiter.updated"
            }
        }

        /// Info for a change of the configuration and for a key that was forgotten too soon, debug for calls.
        public var severity: EventSeverity {
            switch self {
            case .permitted, .rejected, .cancelled: .debug
            case .forgot, .updated: .info
            }
        }

        /// A sentence for logs, without the key.
        public var description: String {
            switch self {
            case .permitted(let limiter, _, let permits, let waited):
                "rate limiter \"\(limiter)\" gave a key \(Self.number(permits))"
                    + (waited == .zero ? "" : " after \(waited.sentenceForm)")
            case .rejected(_, _, let error): error.description
            case .cancelled(let limiter, _, let permits):
                "rate limiter \"\(limiter)\" got \(Self.number(permits)) of a key back"
            case .forgot(let limiter, _):
                "rate limiter \"\(limiter)\" forgot a key whose permits were in use, because it is full"
            case .updated(let limiter, let configuration):
                "rate limiter \"\(limiter)\" changed to a \(configuration.rule) for each key"
            }
        }

        private static func number(_ permits: Int) -> String { permits == 1 ? "1 permit" : "\(permits) permits" }
    }
}
