public import ResilienceCore

extension KeyedStaleWhileRevalidate {
    // MARK: Reading

    /// The configuration in force.
    public var configuration: Configuration { state.withLock { $0.configuration } }

    /// Everything that was seen so far.
    public var totals: StaleWhileRevalidateTotals { state.withLock { $0.totals } }

    /// How many refreshes run.
    public var refreshing: Int { state.withLock { $0.refreshing } }

    /// How many values are kept.
    public var keptCount: Int { state.withLock { $0.values.count } }

    /// What metrics need, read in one step, so that it belongs together.
    var reading: (totals: StaleWhileRevalidateTotals, refreshing: Int, kept: Int) {
        state.withLock { ($0.totals, $0.refreshing, $0.values.count) }
    }

    /// The value kept for a key and how old it is, whatever its age; `nil` if there is none.
    public func kept(for key: Key) -> (value: Value, age: Duration)? {
        let now = time.now
        return state.withLock { $0.values.recall(key, at: now) }.map { ($0.value, $0.age) }
    }

    /// Adds an observer of the events here.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    // MARK: Retuning

    /// Replaces the configuration. Values, totals and refreshes that run stay; values that are too many go.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        let now = time.now
        let dropped = state.withLock { $0.update(configuration, at: now) }
        _ = dropped
    }

    // MARK: Values

    /// Keeps a value as if a call had read it just now.
    public func remember(_ value: Value, for key: Key) {
        let now = time.now
        let dropped = state.withLock { $0.remember(value, for: key, at: now) }
        _ = dropped
    }

    /// Forgets the value of a key: the next call is made. What a refresh or a call brings that is on its way is not
    /// kept; callers that wait for it get it.
    public func forget(_ key: Key) {
        let dropped = state.withLock { $0.forget(key) }
        _ = dropped
    }

    /// Forgets all values, as ``forget(_:)`` does one.
    public func forgetAll() {
        let dropped = state.withLock { $0.forgetAll() }
        _ = dropped
    }
}
