/// The fluent form of ``PolicyBuilder``: each method adds a layer inside those before it.
///
/// `Policy.pipeline("payments").circuitBreaker().build()` says the same as the builder's braces. Every pattern's module
/// adds its method here.
public struct PolicyPipeline<Built: Strategy>: Sendable {
    @usableFromInline let environment: PolicyEnvironment
    @usableFromInline let layer: Layer<Built>

    @inlinable
    init(environment: PolicyEnvironment, layer: Layer<Built>) {
        self.environment = environment
        self.layer = layer
    }

    /// Adds a layer from a recipe.
    @inlinable
    public func layer<Inner: Strategy>(_ layer: Layer<Inner>) -> PolicyPipeline<Chain<Built, Inner>> {
        PolicyPipeline<Chain<Built, Inner>>(environment: environment, layer: self.layer.around(layer))
    }

    /// Adds a strategy that exists already, or another policy.
    @inlinable
    public func strategy<Inner: Strategy>(_ strategy: Inner) -> PolicyPipeline<Chain<Built, Inner>> {
        layer(Layer(existing: strategy))
    }

    /// Builds the policy.
    ///
    /// - Throws: The faults of all layers; or that there are none.
    @inlinable
    public func build() throws(ConfigurationError) -> Policy {
        try Policy(environment: environment, layer: layer)
    }
}

extension Policy {
    /// Starts a policy in the fluent form.
    ///
    /// - Parameters:
    ///   - name: What the policy is called in errors, events and metrics.
    ///   - clock: The time of the policy and of the layers it builds. Default: the continuous clock.
    ///   - random: The randomness of the layers it builds. Default: the system's.
    ///   - observers: The observers to notify, of the events of all layers too.
    @inlinable
    public static func pipeline(
        _ name: String, clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) -> PolicyPipeline<NoStrategy> {
        PolicyPipeline(
            environment: PolicyEnvironment(
                name: name, time: TimeSource(clock), random: random, observers: observers),
            layer: .none)
    }
}
