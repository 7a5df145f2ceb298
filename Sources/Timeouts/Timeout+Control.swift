public import ResilienceCore

extension Timeout {
    // MARK: Reading

    /// How long calls may take.
    public var configuration: Configuration { settings.withLock { $0 } }

    /// How many calls run under the limit now.
    public var running: Int { lane.count }

    /// The totals since the timeout was created.
    public var totals: Totals { counters.totals }

    /// Adds an observer of this timeout's events.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
    }

    // MARK: Retuning

    /// Replaces the configuration. Calls that run keep their limit; the totals stay.
    ///
    /// - Throws: `ConfigurationError` if a fixed limit is not allowed; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        settings.replace(with: configuration)
    }
}
