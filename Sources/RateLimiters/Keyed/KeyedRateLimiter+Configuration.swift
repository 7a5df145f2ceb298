public import ResilienceCore

extension RateLimiter {
    /// How many permits each key has, how long a call waits for one, and how many keys there may be.
    public struct KeyedConfiguration: Sendable, Hashable {
        /// How many permits each key has, and when. Windows of all keys start at the same moments.
        public var rule: Rule

        /// How long a call waits for its permits at most, zero or more. One that would wait longer is rejected at once.
        /// Default: zero, it does not wait.
        public var maxWait: Duration

        /// The most keys of which something is remembered at once, 1 to 1 000 000 000. Default: 100 000.
        ///
        /// A key counts while permits of it are in use; one whose permits are all there again takes no place. So there
        /// need to be as many places as keys may be active within the time in which the permits of one come back.
        public var maxKeys: Int

        /// What happens to a new key when all places are taken. Default: ``WhenFull/forgetsLeastUsed``.
        public var whenFull: WhenFull

        /// Creates a configuration.
        public init(
            rule: Rule, maxWait: Duration = .zero, maxKeys: Int = 100_000, whenFull: WhenFull = .forgetsLeastUsed
        ) {
            self.rule = rule
            self.maxWait = maxWait
            self.maxKeys = maxKeys
            self.whenFull = whenFull
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("keyedRateLimiter")
            rule.check(&check)
            check.require(notNegative: "maxWait", maxWait)
            check.require("maxKeys", maxKeys, in: 1...1_000_000_000)
            try check.finish()
        }

        var single: Configuration { Configuration(rule: rule, maxWait: maxWait) }
    }

    /// What a keyed limiter does with a new key when all its places are taken by keys with permits in use.
    public enum WhenFull: String, Sendable, Hashable, Codable, CaseIterable {
        /// The new key takes the place of the one that has used the least, among 32 that are looked at.
        ///
        /// That one starts afresh when it comes again, and so may get as many permits too many as it had used. Keys at
        /// their limit are the last to be forgotten. An attacker who makes up keys can neither shut others out nor,
        /// with a key that is at its limit, wipe out what it has used before all that have used less.
        case forgetsLeastUsed

        /// The new key is rejected with ``TooManyKeysError``. No key ever gets more than the rule allows; but somebody
        /// who makes up keys shuts out those who have not come yet.
        case refusesNewKeys
    }
}
