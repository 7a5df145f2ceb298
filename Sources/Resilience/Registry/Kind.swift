internal import ResilienceCore

/// What a kind of thing is called in errors, in configuration documents and in reports.
struct Kind: Sendable, Hashable {
    /// Small numbers for the kinds below; the address of the metadata, which is never small, for other types.
    private let id: UInt
    /// As errors say it: `circuit breaker`.
    let title: String
    /// The section of a document in which things of this kind are configured by name; `nil` if they are not.
    let section: String?

    private init(_ id: UInt, _ title: String, _ section: String?) {
        self.id = id
        self.title = title
        self.section = section
    }

    /// The kind of a type that the module knows nothing about.
    private init(of type: Any.Type) {
        self.init(UInt(bitPattern: ObjectIdentifier(type)), "\(type)", nil)
    }

    /// The kind of a type.
    static func of(_ type: Any.Type) -> Kind { (type as? any Component.Type)?.kind ?? Kind(of: type) }

    static func == (lhs: Kind, rhs: Kind) -> Bool { lhs.id == rhs.id }

    func hash(into hasher: inout Hasher) { hasher.combine(id) }

    static let policy = Kind(1, "policy", "policies")
    static let family = Kind(2, "policy family", "families")
    static let hedge = Kind(3, "hedged policy", "hedges")
    static let fallback = Kind(4, "fallback", "fallbacks")
    static let retryBudget = Kind(5, "retry budget", "retryBudgets")
    static let circuitBreaker = Kind(6, "circuit breaker", "circuitBreakers")
    static let retry = Kind(7, "retry", "retries")
    static let timeout = Kind(8, "timeout", "timeouts")
    static let bulkhead = Kind(9, "bulkhead", "bulkheads")
    static let rateLimiter = Kind(10, "rate limiter", "rateLimiters")
    static let keyedRateLimiter = Kind(11, "keyed rate limiter", "keyedRateLimiters")
    static let adaptiveThrottle = Kind(12, "adaptive throttle", "adaptiveThrottles")
    static let revalidation = Kind(13, "stale-while-revalidate", "staleWhileRevalidates")
}
