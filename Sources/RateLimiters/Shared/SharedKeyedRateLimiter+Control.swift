public import ResilienceCore

extension SharedKeyedRateLimiter {
    /// The configuration in force.
    public var configuration: Configuration { Configuration(shared.configuration) }

    /// How many keys this node remembers.
    public var count: Int { table.count }

    /// The totals of all keys since the limiter was created.
    public var totals: SharedRateLimiter.Totals { shared.totals }

    /// Whether the store does not answer, or ``run()`` was never called: this node decides alone then, as it does after
    /// the run has ended, which is no fault.
    public var isDegraded: Bool { shared.link.isDegraded }

    /// Adds an observer of this limiter's events, of all keys.
    public func addObserver(_ observer: any PolicyObserver) {
        shared.tally.meters.attach(observer)
        shared.events.add(observer)
        for quota in table.all { quota.withState { _, _ in } }
    }

    /// Replaces the configuration for all keys. Permits that are held and calls that wait stay as they are:
    /// see ``SharedRateLimiter/update(_:)``.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        shared.use(configuration.single)
        table.update()
        shared.events.deliver()
    }
}
