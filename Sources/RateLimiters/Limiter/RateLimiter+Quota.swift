internal import ResilienceCore

extension RateLimiter {
    /// What is left of a limit at one moment: what a server tells its clients (`RateLimit`, `X-RateLimit-Remaining`).
    ///
    /// All parts belong together: they were read at once.
    public struct Quota: Sendable, Hashable {
        /// The rule in force.
        public let rule: Rule

        /// How many permits there are for the next call that asks: none while others wait.
        public let available: Int

        /// How long a request for one permit would wait, behind all others; zero if there is one.
        public let nextPermit: Duration
    }

    /// What is left now, read at once.
    public var quota: Quota {
        withState { state, now in
            Quota(
                rule: state.configuration.rule, available: state.available(now: now),
                nextPermit: .nanoseconds(state.nextPermit(now: now)))
        }
    }
}

extension KeyedRateLimiter {
    /// What is left of a key's limit now, read at once. Reading makes no place for a new key.
    public func quota(for key: Key) -> RateLimiter.Quota {
        let now = present(for: key).nanoseconds
        return table.read(key) { rate, common in
            let rate = rate ?? KeyedRate(common)
            return RateLimiter.Quota(
                rule: common.configuration.rule, available: rate.available(now: now, common),
                nextPermit: .nanoseconds(rate.nextPermit(now: now, common)))
        }
    }
}
