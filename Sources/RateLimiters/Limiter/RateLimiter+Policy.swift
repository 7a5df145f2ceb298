public import ResilienceCore

extension RateLimiter {
    /// A limiter as a layer of a policy, with the policy's name, clock and observers.
    ///
    /// - Parameters:
    ///   - rule: How many permits there are, and when. Its faults are reported by the policy, with those of the other
    ///     layers.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    public static func layer(_ rule: Rule, maxWait: Duration = .zero) -> Layer<RateLimiter> {
        layer(name: nil, Configuration(rule: rule, maxWait: maxWait))
    }

    /// A limiter as a layer of a policy, with a name of its own and the policy's clock and observers.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits there are, and when.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    public static func layer(_ name: String, _ rule: Rule, maxWait: Duration = .zero) -> Layer<RateLimiter> {
        layer(name: name, Configuration(rule: rule, maxWait: maxWait))
    }

    /// A limiter as a layer of a policy, from a configuration, with the policy's name, clock and observers.
    public static func layer(_ configuration: Configuration) -> Layer<RateLimiter> {
        layer(name: nil, configuration)
    }

    /// A limiter as a layer of a policy, from a configuration, with a name of its own and the policy's clock and
    /// observers.
    public static func layer(_ name: String, _ configuration: Configuration) -> Layer<RateLimiter> {
        layer(name: name, configuration)
    }

    private static func layer(name: String?, _ configuration: Configuration) -> Layer<RateLimiter> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            return RateLimiter(environment, configuration)
        }
    }

    /// This limiter as one layer: `RateLimiter(maps)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "RateLimiter", detail: name, strategy: self)]
    }

    /// How many permits a call takes, where it is not one.
    ///
    /// ```swift
    /// try await limiter.setting(RateLimiter.Permits.self, to: batch.count).execute { try await upload(batch) }
    /// ```
    ///
    /// Every limiter on the way takes as many. None or fewer count as none.
    public enum Permits: ContextKey {
        /// The number of permits.
        public typealias Value = Int
    }
}

extension PolicyPipeline {
    /// Adds a limiter that is built with the policy and has its name.
    ///
    /// - Parameters:
    ///   - rule: How many permits there are, and when.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    public func rateLimiter(
        _ rule: RateLimiter.Rule, maxWait: Duration = .zero
    ) -> PolicyPipeline<Chain<Built, RateLimiter>> {
        layer(RateLimiter.layer(rule, maxWait: maxWait))
    }

    /// Adds a limiter that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits there are, and when.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    public func rateLimiter(
        _ name: String, _ rule: RateLimiter.Rule, maxWait: Duration = .zero
    ) -> PolicyPipeline<Chain<Built, RateLimiter>> {
        layer(RateLimiter.layer(name, rule, maxWait: maxWait))
    }

    /// Adds a limiter that is built with the policy and has its name, from a configuration.
    public func rateLimiter(_ configuration: RateLimiter.Configuration) -> PolicyPipeline<Chain<Built, RateLimiter>> {
        layer(RateLimiter.layer(configuration))
    }

    /// Adds a limiter that is built with the policy, from a configuration.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - configuration: How many permits there are, when, and how long a call waits for its permits.
    public func rateLimiter(
        _ name: String, _ configuration: RateLimiter.Configuration
    ) -> PolicyPipeline<Chain<Built, RateLimiter>> {
        layer(RateLimiter.layer(name, configuration))
    }

    /// Adds a limiter that exists already, perhaps shared with other policies.
    public func rateLimiter(_ limiter: RateLimiter) -> PolicyPipeline<Chain<Built, RateLimiter>> {
        strategy(limiter)
    }
}

extension Policy {
    /// The limiters among the layers, outermost first.
    public var rateLimiters: [RateLimiter] { strategies(RateLimiter.self) }
}
