public import ResilienceCore

extension RateLimiter {
    /// How many permits there are, and how long a call waits for one.
    public struct Configuration: Sendable, Hashable {
        /// How many permits there are, and when. Has no default: what a service stands, only you know.
        public var rule: Rule

        /// How long a call waits for its permits at most, zero or more. One that would wait longer is rejected at once.
        /// Default: zero, it does not wait.
        public var maxWait: Duration

        /// Creates a configuration.
        public init(rule: Rule, maxWait: Duration = .zero) {
            self.rule = rule
            self.maxWait = maxWait
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("rateLimiter")
            rule.check(&check)
            check.require(notNegative: "maxWait", maxWait)
            try check.finish()
        }
    }
}
