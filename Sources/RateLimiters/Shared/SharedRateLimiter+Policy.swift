public import ResilienceCore

extension SharedRateLimiter {
    /// A shared limiter as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// It has to be run: see ``run()``, and `Policy.sharedRateLimiters`.
    ///
    /// - Parameters:
    ///   - rule: How many permits the fleet has, and when. Its faults are reported by the policy, with those of the
    ///     other layers.
    ///   - store: Where the nodes take them from.
    public static func layer(_ rule: SharedQuotaRule, through store: any RateStore) -> Layer<SharedRateLimiter> {
        layer(name: nil, Configuration(rule: rule), store)
    }

    /// A shared limiter as a layer of a policy, with a name of its own and the policy's clock, randomness and
    /// observers.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and the quota at the store.
    ///   - rule: How many permits the fleet has, and when.
    ///   - store: Where the nodes take them from.
    public static func layer(
        _ name: String, _ rule: SharedQuotaRule, through store: any RateStore
    ) -> Layer<SharedRateLimiter> {
        layer(name: name, Configuration(rule: rule), store)
    }

    /// A shared limiter as a layer of a policy, from a configuration, with the policy's name, clock, randomness and
    /// observers.
    ///
    /// It has to be run: see ``run()``, and `Policy.sharedRateLimiters`.
    ///
    /// - Parameters:
    ///   - configuration: How many permits the fleet has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    public static func layer(
        _ configuration: Configuration, through store: any RateStore
    ) -> Layer<SharedRateLimiter> {
        layer(name: nil, configuration, store)
    }

    /// A shared limiter as a layer of a policy, from a configuration, with a name of its own and the policy's clock,
    /// randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and the quota at the store.
    ///   - configuration: How many permits the fleet has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    public static func layer(
        _ name: String, _ configuration: Configuration, through store: any RateStore
    ) -> Layer<SharedRateLimiter> {
        layer(name: name, configuration, store)
    }

    private static func layer(
        name: String?, _ configuration: Configuration, _ store: any RateStore
    ) -> Layer<SharedRateLimiter> {
        Layer(named: name) { environment throws(ConfigurationError) in
            // One without a name of its own has a quota for each member of a family.
            try SharedRateLimiter(
                environment, quota: name == nil ? environment.sharedName : nil, configuration, store)
        }
    }

    /// This limiter as one layer: `SharedRateLimiter(partner-api)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "SharedRateLimiter", detail: name, strategy: self)]
    }
}

extension PolicyPipeline {
    /// Adds a shared limiter that is built with the policy and has its name.
    ///
    /// It has to be run: see ``SharedRateLimiter/run()``, and `Policy.sharedRateLimiters`.
    ///
    /// - Parameters:
    ///   - configuration: How many permits the fleet has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    public func sharedRateLimiter(
        _ configuration: SharedRateLimiter.Configuration, through store: any RateStore
    ) -> PolicyPipeline<Chain<Built, SharedRateLimiter>> {
        layer(SharedRateLimiter.layer(configuration, through: store))
    }

    /// Adds a shared limiter that is built with the policy.
    ///
    /// It has to be run: see ``SharedRateLimiter/run()``, and `Policy.sharedRateLimiters`.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and the quota at the store.
    ///   - configuration: How many permits the fleet has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    public func sharedRateLimiter(
        _ name: String, _ configuration: SharedRateLimiter.Configuration, through store: any RateStore
    ) -> PolicyPipeline<Chain<Built, SharedRateLimiter>> {
        layer(SharedRateLimiter.layer(name, configuration, through: store))
    }

    /// Adds a shared limiter that is built with the policy and has its name, by its rule.
    ///
    /// It has to be run: see ``SharedRateLimiter/run()``, and `Policy.sharedRateLimiters`.
    ///
    /// - Parameters:
    ///   - rule: How many permits the fleet has, and when.
    ///   - store: Where the nodes take them from.
    public func sharedRateLimiter(
        _ rule: SharedQuotaRule, through store: any RateStore
    ) -> PolicyPipeline<Chain<Built, SharedRateLimiter>> {
        layer(SharedRateLimiter.layer(rule, through: store))
    }

    /// Adds a shared limiter that is built with the policy, by its rule.
    ///
    /// It has to be run: see ``SharedRateLimiter/run()``, and `Policy.sharedRateLimiters`.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and the quota at the store.
    ///   - rule: How many permits the fleet has, and when.
    ///   - store: Where the nodes take them from.
    public func sharedRateLimiter(
        _ name: String, _ rule: SharedQuotaRule, through store: any RateStore
    ) -> PolicyPipeline<Chain<Built, SharedRateLimiter>> {
        layer(SharedRateLimiter.layer(name, rule, through: store))
    }

    /// Adds a shared limiter that exists already, perhaps shared with other policies.
    public func sharedRateLimiter(_ limiter: SharedRateLimiter) -> PolicyPipeline<Chain<Built, SharedRateLimiter>> {
        strategy(limiter)
    }
}

extension Policy {
    /// The shared limiters among the layers, outermost first.
    public var sharedRateLimiters: [SharedRateLimiter] { strategies(SharedRateLimiter.self) }
}
