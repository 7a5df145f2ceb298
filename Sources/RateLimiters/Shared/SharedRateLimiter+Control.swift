public import ResilienceCore

extension SharedRateLimiter {
    /// The configuration in force.
    public var configuration: Configuration { shared.configuration }

    /// The totals since the limiter was created.
    public var totals: Totals { shared.totals }

    /// How many permits this node has leased and not used, of those that have not ended.
    public var held: Int { quota.figures.held }

    /// How many tasks wait for permits on this node.
    public var waiting: Int { quota.figures.waiting }

    /// Whether the store does not answer, or ``run()`` was never called: this node decides alone then, as it does after
    /// the run has ended, which is no fault.
    public var isDegraded: Bool { shared.link.isDegraded }

    /// Adds an observer of this limiter's events.
    public func addObserver(_ observer: any PolicyObserver) {
        shared.tally.meters.attach(observer)
        shared.events.add(observer)
        quota.withState { _, _ in }
    }

    /// Replaces the configuration. Permits that are held and calls that wait stay as they are.
    ///
    /// Permits that this node has leased may still be used, or are given back, within the lease of the rule before or
    /// of this one, whichever is shorter: what all nodes use in a time after that is what this rule allows. A call that
    /// waits is served by this rule, for as long as was allowed when the wait began, and is rejected if there are never
    /// as many permits at once as it asked for. While only some nodes have the rule, all of them together get no more
    /// than the greater of the two allows: each node asks by its own.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        shared.use(configuration)
        quota.update(shared.plan)
    }
}
