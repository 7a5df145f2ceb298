public import ResilienceCore
internal import Synchronization

extension KeyedRateLimiter {
    // MARK: Reading one key

    /// How many permits of a key there are now for a call that asks: none while others wait for theirs.
    public func available(for key: Key) -> Int {
        let now = present(for: key).nanoseconds
        return table.read(key) { rate, common in (rate ?? KeyedRate(common)).available(now: now, common) }
    }

    /// How long a request for one permit of a key would wait now, behind all others; zero if there is one.
    public func nextPermit(for key: Key) -> Duration {
        let now = present(for: key).nanoseconds
        return .nanoseconds(
            table.read(key) { rate, common in (rate ?? KeyedRate(common)).nextPermit(now: now, common) })
    }

    /// How many tasks wait for permits of a key.
    public func waiting(for key: Key) -> Int {
        table.read(key) { rate, _ in rate?.waiting ?? 0 }
    }

    /// Takes all permits of a key that are there now away, for example because a user misbehaves.
    ///
    /// - Returns: How many there were. None while others wait, or if there is no place for the key.
    @discardableResult
    public func drain(for key: Key) -> Int {
        let now = present(for: key)
        let answer = table.withValue(
            for: key, now: now, replacing: shared.replaces, initial: KeyedRate.init,
            { rate, common in rate.drain(now: now.nanoseconds, common) },
            record: { _, common in common.advancedTo = max(common.advancedTo, now.nanoseconds) })
        guard case .answered(let permits, let forgotten) = answer else { return 0 }
        if let forgotten {
            shared.forgottenKeys.wrappingAdd(1, ordering: .relaxed)
            shared.events.post(.forgotten(key: forgotten))
            shared.events.deliver()
        }
        return permits
    }

    // MARK: All keys

    /// How many keys take a place: those with permits in use, and those whose permits have all come back since somebody
    /// looked. Asking looks at a few others each time; ``removeIdle()`` looks at all.
    public var count: Int { table.count }

    /// How many tasks wait for permits, of all keys. Looks at every key.
    public var waiting: Int {
        table.forEachShard { _, visit in
            var waiting = 0
            visit { _, rate in waiting += rate.waiting }
            return waiting
        }.reduce(0, +)
    }

    /// Forgets all keys whose permits are all there again, which loses nothing. Not needed while the limiter is in use:
    /// asks do the same, a few keys at a time.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public func removeIdle() -> Int {
        table.removeForgettable(now: shared.time.now)
    }

    /// The totals of all keys since the limiter was created. Requests that overlap the reading may be in it or not.
    public var totals: RateLimiter.KeyedTotals {
        var totals = RateLimiter.KeyedTotals(shared.tally.totals)
        for (permitted, rejected) in table.forEachShard({ common, _ in (common.permitted, common.rejected) }) {
            totals.permitted = totals.permitted.addingSaturated(permitted)
            totals.rejected = totals.rejected.addingSaturated(rejected)
        }
        totals.refusedKeys = shared.refusedKeys.load(ordering: .relaxed)
        totals.rejected = totals.rejected.addingSaturated(totals.refusedKeys)
        totals.forgottenKeys = shared.forgottenKeys.load(ordering: .relaxed)
        return totals
    }

    /// The configuration in force.
    public var configuration: Configuration { shared.configuration.withLock { $0.present } }

    /// Adds an observer of this limiter's events.
    public func addObserver(_ observer: any PolicyObserver) {
        shared.addObserver(observer)
    }

    /// Replaces the configuration and keeps what every key has used, as ``RateLimiter/update(_:)`` does.
    ///
    /// The keys are gone over a shard at a time; requests of one shard wait for as long as that takes. Of a lower
    /// number of keys, those too many that have used the least are forgotten, unless new keys are refused: then they
    /// stay until their permits are all there again.
    ///
    /// Of several updates at the same time, the one that came last holds for every key.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        let now = shared.time.now
        let update = shared.use(configuration)
        let changes = table.forEachShard { common, visit -> [(Key, KeyedActions)] in
            // One that began later was here first.
            guard update > common.update else { return [] }
            common.update = update
            let old = common.meter
            common.use(configuration.single, at: now.nanoseconds)
            let present = common
            var changes: [(Key, KeyedActions)] = []
            visit { key, rate in
                guard let actions = rate.update(to: present, from: old, now: present.advancedTo) else { return }
                shared.postLocked(actions, key)
                changes.append((key, actions))
            }
            return changes
        }
        for (key, actions) in changes.joined() { perform(actions, key) }
        limitKeys(now)
        shared.events.deliver()
    }

    /// Sets the most keys to that of the configuration in force, which may have changed before that is done.
    private func limitKeys(_ now: TimeSource.Instant) {
        var (present, update) = shared.configuration.withLock { $0 }
        while true {
            let forgotten = table.setLimit(
                present.maxKeys, now: now, forgetting: present.whenFull == .forgetsLeastUsed)
            shared.forgottenKeys.wrappingAdd(forgotten, ordering: .relaxed)
            let done = update
            (present, update) = shared.configuration.withLock { $0 }
            if update == done { return }
        }
    }
}
