/// The patterns that a module knows: the one list of them, in the order in which a document is worked out.
///
/// Each is described by a file of its own in this folder. See "Adding a pattern" in Guides/Architecture.md.
enum KnownPattern: UInt, CaseIterable {
    // What others name comes before them.
    case retryBudget
    case timeout
    case retry
    case circuitBreaker
    case bulkhead
    case rateLimiter
    case adaptiveThrottle
    case pause
    case hedge
    case keyedRateLimiter
    case fallback
    case staleWhileRevalidate
    case fleetCircuit
    case sharedRateLimiter
    case sharedKeyedRateLimiter

    /// The type that documents configure. What it says of itself is the same for all keys and values.
    private var type: any Tunable.Type {
        switch self {
        case .retryBudget: RetryBudget.self
        case .timeout: Timeout.self
        case .retry: Retry.self
        case .circuitBreaker: CircuitBreaker.self
        case .bulkhead: Bulkhead.self
        case .rateLimiter: RateLimiter.self
        case .adaptiveThrottle: AdaptiveThrottle.self
        case .pause: Pause.self
        case .hedge: Hedge.self
        case .keyedRateLimiter: KeyedRateLimiter<NoKey>.self
        case .fallback: KeyedFallback<NoKey, Never>.self
        case .staleWhileRevalidate: KeyedStaleWhileRevalidate<NoKey, Never>.self
        case .fleetCircuit: FleetCircuit.self
        case .sharedRateLimiter: SharedRateLimiter.self
        case .sharedKeyedRateLimiter: SharedKeyedRateLimiter<NoKey>.self
        }
    }

    /// All types that documents configure.
    static let types: [any Tunable.Type] = allCases.map(\.type)
}
