public import ResilienceCore

extension RateLimiter {
    /// The error thrown when permits are available neither now nor within the longest wait.
    public struct RejectedError: PolicyRejection, Hashable {
        /// The limiter's name.
        public let policyName: String

        /// How many permits were asked for.
        public let permits: Int

        /// The time after which to ask again: unless others come first, the same ask is granted then.
        public let retryAfter: Duration?

        /// Why, in a few words.
        public var reason: String { "rate limit is reached" }

        /// `rate limiter "maps" is at its limit; retry after 250 milliseconds`
        public var description: String {
            let hint = retryAfter.map { "; retry after \($0.sentenceForm)" } ?? ""
            return "rate limiter \"\(policyName)\" is at its limit" + hint
        }
    }

    /// The error thrown for a request of more permits than there ever are at once, or than there ever are within the
    /// longest wait.
    public struct ExceedsLimitError: PolicyRejection, Hashable {
        /// The limiter's name.
        public let policyName: String

        /// How many permits were asked for.
        public let permits: Int

        /// How many there are at once at most.
        public let burst: Int

        /// `nil`: to try again does not help.
        public var retryAfter: Duration? { nil }

        /// Why, in a few words.
        public var reason: String { "more permits than the rate limit ever allows" }

        /// `rate limiter "maps" never gives 30 permits, at most 20 at once`
        public var description: String {
            "rate limiter \"\(policyName)\" never gives \(permits) permits, at most \(burst) at once"
        }
    }

    /// The error of permits that are not given.
    ///
    /// - Parameter retryAfter: In nanoseconds; `nil` if there will never be so many permits.
    static func rejection(
        by name: String, _ permits: Int, after retryAfter: Int64?, burst: Int
    ) -> any PolicyRejection {
        guard let retryAfter else { return ExceedsLimitError(policyName: name, permits: permits, burst: burst) }
        return RejectedError(policyName: name, permits: permits, retryAfter: .nanoseconds(retryAfter))
    }
}
