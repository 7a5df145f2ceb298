public import ResilienceCore

extension KeyedFallback {
    // MARK: Reading

    /// The configuration in force.
    public var configuration: Configuration { currentChain.configuration }

    /// The totals since the fallback was created.
    public var totals: FallbackTotals {
        var totals = counters.totals
        for (name, record) in currentChain.records { totals.steps[name] = record.totals }
        return totals
    }

    /// How many calls run in a step at this moment; 0 if there is no such step.
    public func running(in step: String) -> Int { currentChain.records[step]?.running ?? 0 }

    /// Adds an observer of this fallback's events.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
        guard let metrics = observer as? CallMetrics else { return }
        // Under the chain's lock, so that of a step that an update adds meanwhile one of the two takes notice.
        chain.withLock { chain in
            meters.withLock { meters in
                if !meters.contains(where: { $0 === metrics }) { meters.append(metrics) }
            }
            for record in chain.records.values { record.durations.attach(metrics) }
        }
    }

    // MARK: Retuning

    /// Replaces the configuration, for the calls that fail from now on.
    ///
    /// Totals and last good values stay. A step keeps its numbers, and the calls that run in it, by its name.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        // What the old one owns is the user's, and released outside the lock.
        let released = chain.withLock { chain in
            let old = chain
            let meters = meters.withLock { $0 }
            let environment = PolicyEnvironment(name: name, time: time, observers: meters)
            chain = Chain(configuration, environment, events, previous: old.records)
            return (old, keeper.retain(configuration.retention))
        }
        _ = released
    }
}

// MARK: Last good values

extension KeyedFallback {
    /// The last good value of a key and how old it is, whatever its age; `nil` if none is kept.
    public func lastGood(for key: Key) -> (value: Value, age: Duration)? {
        keeper.recall(key).map { ($0.value, $0.age) }
    }

    /// Keeps a value as the last good one, as if a call had read it just now: at the start of a program, for example.
    /// Does nothing without a step that asks for last good values.
    public func remember(_ value: Value, for key: Key) {
        if let start = keeper.begin() { keeper.remember(value, for: key, readAt: start) }
    }

    /// Forgets the last good value of a key. What calls bring that are on their way is not kept either.
    public func forget(_ key: Key) { keeper.forget(key) }

    /// Forgets all last good values. What calls bring that are on their way is not kept either.
    public func forgetAll() { keeper.forgetAll() }

    /// How many last good values are kept.
    public var keptCount: Int { keeper.count }
}

extension KeyedFallback where Key == NoKey {
    /// The last good value and how old it is, whatever its age; `nil` if none is kept.
    public var lastGood: (value: Value, age: Duration)? { lastGood(for: NoKey()) }

    /// Keeps a value as the last good one, as if a call had returned it now.
    public func remember(_ value: Value) { remember(value, for: NoKey()) }
}
