public import ResilienceCore

extension Hedge {
    // MARK: Reading

    /// The configuration in force.
    public var configuration: Configuration { settings.withLock { $0 } }

    /// How long the primary of a call would now run before the first hedge starts; `nil` if hedges only follow
    /// failures.
    public var currentDelay: Duration? {
        var context = inner.rootContext
        context.attempt = 2
        return configuration.delay.duration(context, latencies)
    }

    /// The totals since the hedge was created.
    public var totals: Totals { counters.totals }

    /// Adds an observer of this hedge's events.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    // MARK: Retuning

    /// Replaces the configuration, for the calls that start from now on. Totals and latencies stay.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        settings.replace(with: configuration)
        guard let window = configuration.delay.percentile?.window else { return }
        latencies.withLock { $0.resize(to: window) }
    }
}
