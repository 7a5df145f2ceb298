package import ResilienceCore

extension KeyedRateLimiter: StateRetaining {
    /// Keys that have used permits, or for which calls wait.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        let shards = table.forEachShard { (common: inout KeyedRate.Common, forEach: (Each) -> Void) -> Bool in
            let current = common
            var isUsed = false
            forEach { _, rate in isUsed = isUsed || !rate.isForgettable(at: now, current) }
            return isUsed
        }
        return shards.contains(true) ? .obligation : .nothing
    }

    private typealias Each = (Key, inout KeyedRate) -> Void
}

extension KeyedRateLimiter.Single: ComponentLayer {
    package var component: any Sendable { limiter }
}

extension KeyedRateLimiter.ByContext: ComponentLayer {
    package var component: any Sendable { limiter }
}
