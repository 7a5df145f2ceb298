public import ResilienceCore

extension SharedRateLimiter {
    /// All of a shared limiter that may change while it is in use: the rule and the configuration.
    public struct Settings: Sendable, Hashable {
        /// How many permits the fleet has, and when.
        public var rule: SharedQuotaRule

        /// How permits come, how long a call waits for them, and what holds while the store is away.
        public var configuration: Configuration

        /// Creates settings.
        public init(rule: SharedQuotaRule, _ configuration: Configuration = Configuration()) {
            (self.rule, self.configuration) = (rule, configuration)
        }
    }

    /// All of a shared keyed limiter that may change while it is in use. How many keys it remembers is code's to say.
    public struct KeyedSettings: Sendable, Hashable {
        /// How many permits each key has, and when.
        public var rule: SharedQuotaRule

        /// How permits come, how long a call waits for them, and what holds while the store is away.
        public var configuration: Configuration

        /// Creates settings.
        public init(rule: SharedQuotaRule, _ configuration: Configuration = Configuration()) {
            (self.rule, self.configuration) = (rule, configuration)
        }
    }

    /// What is in force.
    public var settings: Settings { shared.settings }

    /// Puts another rule or configuration in force, with what is held, and who waits, as they are.
    ///
    /// Permits that this node has leased may still be used, or are given back, within the lease of the rule before or
    /// of this one, whichever is shorter: what all nodes use in a time after that is what this rule allows. Who waits
    /// is served by this rule, as long as was allowed when the wait began, and is rejected if there never are as many
    /// permits at once as asked for. While only some nodes have the rule, all of them together get no more than the
    /// greater of the two allows: each node asks by its own.
    ///
    /// - Throws: All faults of the settings; the old ones stay in force then.
    public func update(_ settings: Settings) throws(ConfigurationError) {
        try settings.validate()
        shared.use(settings)
        quota.update(shared.plan)
    }
}

extension SharedKeyedRateLimiter {
    /// What is in force.
    public var settings: SharedRateLimiter.KeyedSettings {
        let settings = shared.settings
        return SharedRateLimiter.KeyedSettings(rule: settings.rule, settings.configuration)
    }

    /// Puts another rule or configuration in force for all keys, with what is held, and who waits, as they are: see
    /// ``SharedRateLimiter/update(_:)``.
    ///
    /// - Throws: All faults of the settings; the old ones stay in force then.
    public func update(_ settings: SharedRateLimiter.KeyedSettings) throws(ConfigurationError) {
        try settings.validate()
        shared.use(settings.single)
        table.update()
        shared.events.deliver()
    }
}
