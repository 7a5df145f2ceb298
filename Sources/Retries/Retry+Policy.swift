public import ResilienceCore

extension Retry {
    /// A retry as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - backoff: How long to wait before each retry. Default: 100 ms, doubled each time, with full jitter.
    ///   - maxAttempts: How often the operation runs at most, the first time included. At least 1. Default: 3.
    ///   - budget: What bounds the retries of all calls together: a ``RetryBudget``. Default: none.
    public static func layer(
        _ backoff: Backoff = .exponential(), maxAttempts: Int = 3, budget: (any AttemptBudget)? = nil
    ) -> Layer<Retry> {
        layer(Configuration(backoff: backoff, maxAttempts: maxAttempts, budget: budget))
    }

    /// A retry as a layer of a policy, with a name of its own and the policy's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the retry is called in errors, events and metrics.
    ///   - backoff: How long to wait before each retry.
    ///   - maxAttempts: How often the operation runs at most, the first time included. At least 1. Default: 3.
    ///   - budget: What bounds the retries of all calls together: a ``RetryBudget``. Default: none.
    public static func layer(
        _ name: String, _ backoff: Backoff, maxAttempts: Int = 3, budget: (any AttemptBudget)? = nil
    ) -> Layer<Retry> {
        layer(name, Configuration(backoff: backoff, maxAttempts: maxAttempts, budget: budget))
    }

    /// A retry as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// - Parameter configuration: What is retried, when and for how long. Its faults are reported by the policy, with
    ///   those of the other layers.
    public static func layer(_ configuration: Configuration) -> Layer<Retry> {
        layer(name: nil, configuration)
    }

    /// A retry as a layer of a policy, with a name of its own and the policy's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the retry is called in errors, events and metrics.
    ///   - configuration: What is retried, when and for how long. Its faults are reported by the policy, with those of
    ///     the other layers.
    public static func layer(_ name: String, _ configuration: Configuration = Configuration()) -> Layer<Retry> {
        layer(name: name, configuration)
    }

    private static func layer(name: String?, _ configuration: Configuration) -> Layer<Retry> {
        Layer(named: name) { environment throws(ConfigurationError) in
            var configuration = configuration
            configuration.budget = try environment.resolved(configuration.budget, field: "retry.budget")
            try configuration.validate()
            return Retry(environment, configuration)
        }
    }

    /// This retry as one layer, with its number of attempts: `Retry(4)`.
    public var layers: [LayerDescription] {
        let attempts = configuration.maxAttempts
        let detail = attempts == Self.unlimited ? "unlimited" : "\(attempts)"
        return [LayerDescription(pattern: "Retry", detail: detail, strategy: self)]
    }
}

extension PolicyPipeline {
    /// Adds a retry that is built with the policy and has its name.
    ///
    /// - Parameters:
    ///   - backoff: How long to wait before each retry. Default: 100 ms, doubled each time, with full jitter.
    ///   - maxAttempts: How often the operation runs at most, the first time included. At least 1. Default: 3.
    ///   - budget: What bounds the retries of all calls together: a ``RetryBudget``. Default: none.
    public func retry(
        _ backoff: Backoff = .exponential(), maxAttempts: Int = 3, budget: (any AttemptBudget)? = nil
    ) -> PolicyPipeline<Chain<Built, Retry>> {
        layer(Retry.layer(backoff, maxAttempts: maxAttempts, budget: budget))
    }

    /// Adds a retry that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the retry is called in errors, events and metrics.
    ///   - backoff: How long to wait before each retry.
    ///   - maxAttempts: How often the operation runs at most, the first time included. At least 1. Default: 3.
    ///   - budget: What bounds the retries of all calls together: a ``RetryBudget``. Default: none.
    public func retry(
        _ name: String, _ backoff: Backoff, maxAttempts: Int = 3, budget: (any AttemptBudget)? = nil
    ) -> PolicyPipeline<Chain<Built, Retry>> {
        layer(Retry.layer(name, backoff, maxAttempts: maxAttempts, budget: budget))
    }

    /// Adds a retry that is built with the policy and has its name.
    ///
    /// - Parameter configuration: What is retried, when and for how long.
    public func retry(_ configuration: Retry.Configuration) -> PolicyPipeline<Chain<Built, Retry>> {
        layer(Retry.layer(configuration))
    }

    /// Adds a retry that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the retry is called in errors, events and metrics.
    ///   - configuration: What is retried, when and for how long.
    public func retry(
        _ name: String, _ configuration: Retry.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, Retry>> {
        layer(Retry.layer(name, configuration))
    }

    /// Adds a retry that exists already, perhaps shared with other policies.
    public func retry(_ retry: Retry) -> PolicyPipeline<Chain<Built, Retry>> {
        strategy(retry)
    }
}

extension Policy {
    /// The retries among the layers, outermost first.
    public var retries: [Retry] { strategies(Retry.self) }
}

extension Execution {
    /// The attempts that failed, in order, with the delay that followed each; none if no retry is among the layers. The
    /// last has no delay if the call failed.
    public var failedAttempts: [Retry.FailedAttempt] { self[Retry.FailedAttempt.Key.self] }
}
