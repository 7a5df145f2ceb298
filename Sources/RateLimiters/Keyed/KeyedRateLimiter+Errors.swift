public import ResilienceCore

extension RateLimiter {
    /// The error thrown for a new key when all places of a keyed limiter are taken.
    public struct TooManyKeysError: PolicyRejection, Hashable {
        /// The limiter's name.
        public let policyName: String

        /// How many keys there may be at once.
        public let maxKeys: Int

        /// `nil`: when a place will be free depends on the other keys.
        public var retryAfter: Duration? { nil }

        /// Why, in a few words.
        public var reason: String { "rate limiter has no place for another key" }

        /// `rate limiter "api" has no place for another key, of 100000 at most`
        public var description: String {
            "rate limiter \"\(policyName)\" has no place for another key, of \(maxKeys) at most"
        }
    }
}
