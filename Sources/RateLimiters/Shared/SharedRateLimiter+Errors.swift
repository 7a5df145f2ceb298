public import ResilienceCore

extension SharedRateLimiter {
    /// The rejection of a call while the store of the quota is away, and calls are not to go through then.
    public struct UnavailableError: PolicyRejection, Hashable {
        /// The limiter's name.
        public let policyName: String

        /// `nil`: it is not known when the store is back.
        public var retryAfter: Duration? { nil }

        /// Why, in a few words.
        public var reason: String { "the shared quota cannot be reached" }

        /// `shared rate limiter "partner-api" cannot reach its quota`
        public var description: String { "shared rate limiter \"\(policyName)\" cannot reach its quota" }
    }
}
