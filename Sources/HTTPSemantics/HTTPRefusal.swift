internal import Resilience
internal import ResilienceCore

/// What a server answers when a layer of its own refused a request, or it took too long.
public struct HTTPRefusal: Sendable, Hashable {
    /// The status: 429 for a rate limit; 503 for a full bulkhead, shedding or an open breaker; 504 for a limit of time.
    public var status: Int

    /// The value of a `Retry-After` field, in whole seconds, rounded up, at least 1; `nil` if the time is not known.
    public var retryAfter: String?

    /// Creates one.
    public init(status: Int, retryAfter: Duration? = nil) {
        self.status = status
        self.retryAfter = retryAfter.map { "\(max(1, $0.wholeSecondsUp))" }
    }

    /// The answer to an error.
    ///
    /// - Returns: `nil` for an error that is no layer's.
    public init?(_ error: any Error) {
        let error = unwrapped(error)
        switch error {
        case is Timeout.ExceededError, is Timeout.NoTimeLeftError: self.init(status: 504)
        case let error as any PolicyRejection:
            self.init(status: Self.isRateLimit(error) ? 429 : 503, retryAfter: error.retryAfter)
        default: return nil
        }
    }

    private static func isRateLimit(_ error: any PolicyRejection) -> Bool {
        error is RateLimiter.RejectedError || error is RateLimiter.ExceedsLimitError
    }
}
