public import ResilienceCore

extension RateLimiter {
    /// What happens in a limiter.
    public enum Event: PolicyEvent {
        /// Permits were taken, at once or after a wait. Followed by ``cancelled(limiter:permits:)`` if whoever waited
        /// gave up at that very moment; the totals count such an ask as cancelled only.
        case permitted(limiter: String, permits: Int, waited: Duration)
        /// An ask was refused: a ``RejectedError`` or an ``ExceedsLimitError``.
        case rejected(limiter: String, any PolicyRejection)
        /// Somebody gave up waiting, or a reservation; the permits were returned.
        case cancelled(limiter: String, permits: Int)
        /// The configuration was changed.
        case updated(limiter: String, Configuration)
        /// All permits that were there were taken away.
        case drained(limiter: String, permits: Int)

        /// The limiter's name.
        public var source: String {
            switch self {
            case .permitted(let limiter, _, _), .rejected(let limiter, _), .cancelled(let limiter, _),
                .updated(let limiter, _), .drained(let limiter, _):
                limiter
            }
        }

        /// `rate_limiter.` and the case.
        public var name: String {
            switch self {
            case .permitted: "rate_limiter.permitted"
            case .rejected: "rate_limiter.rejected"
            case .cancelled: "rate_limiter.cancelled"
            case .updated: "rate_limiter.updated"
            case .drained: "rate_limiter.drained"
            }
        }

        /// Info for what is done to the limiter, debug for calls.
        public var severity: EventSeverity {
            switch self {
            case .permitted, .rejected, .cancelled: .debug
            case .updated, .drained: .info
            }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .permitted(let limiter, let permits, let waited):
                "rate limiter \"\(limiter)\" gave \(Self.number(permits))"
                    + (waited == .zero ? "" : " after \(waited.sentenceForm)")
            case .rejected(_, let error): error.description
            case .cancelled(let limiter, let permits):
                "rate limiter \"\(limiter)\" got \(Self.number(permits)) back"
            case .updated(let limiter, let configuration):
                "rate limiter \"\(limiter)\" changed to a \(configuration.rule)"
            case .drained(let limiter, let permits):
                "rate limiter \"\(limiter)\" was drained of \(Self.number(permits))"
            }
        }

        private static func number(_ permits: Int) -> String { permits == 1 ? "1 permit" : "\(permits) permits" }
    }
}
