public import ResilienceCore
internal import Synchronization

extension Retry {
    // MARK: Reading

    /// The configuration in force.
    public var configuration: Configuration { settings.withLock { $0 }.configuration }

    /// The totals since the retry was created.
    public var totals: Totals { tally.totals }

    /// Adds an observer of this retry's events.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
        delays.attach(observer)
    }

    // MARK: Retuning

    /// Replaces the configuration. Calls that have failed already go on by the old one; the totals stay.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        let new = Settings(configuration)
        // The old one is released outside the lock: what it owns is the user's.
        _ = settings.withLock { settings in
            beginning.store(configuration.beginning, ordering: .relaxed)
            let old = settings
            settings = new
            return old
        }
    }
}
