public import ResilienceCore

extension CircuitBreaker {
    /// A breaker as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// - Parameter configuration: When it opens, for how long, and how it closes again. Its faults are reported by the
    ///   policy, with those of the other layers.
    public static func layer(_ configuration: Configuration = Configuration()) -> Layer<CircuitBreaker> {
        layer(name: nil, configuration)
    }

    /// A breaker as a layer of a policy, with a name of its own and the policy's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the breaker is called in errors, events and metrics.
    ///   - configuration: When it opens, for how long, and how it closes again. Its faults are reported by the policy,
    ///     with those of the other layers.
    public static func layer(
        _ name: String, _ configuration: Configuration = Configuration()
    ) -> Layer<CircuitBreaker> {
        layer(name: name, configuration)
    }

    private static func layer(name: String?, _ configuration: Configuration) -> Layer<CircuitBreaker> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            return CircuitBreaker(environment, configuration)
        }
    }

    /// This breaker as one layer: `CircuitBreaker(payments)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "CircuitBreaker", detail: name, strategy: self)]
    }

    /// The key under which breakers report to an `Execution` in which state they met the call.
    package enum StateAtAdmission: ContextKey {
        package typealias Value = (breaker: String, state: State)
    }
}

extension PolicyPipeline {
    /// Adds a breaker that is built with the policy and has its name.
    ///
    /// - Parameter configuration: When it opens, for how long, and how it closes again.
    public func circuitBreaker(
        _ configuration: CircuitBreaker.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, CircuitBreaker>> {
        layer(CircuitBreaker.layer(configuration))
    }

    /// Adds a breaker that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the breaker is called in errors, events and metrics.
    ///   - configuration: When it opens, for how long, and how it closes again.
    public func circuitBreaker(
        _ name: String, _ configuration: CircuitBreaker.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, CircuitBreaker>> {
        layer(CircuitBreaker.layer(name, configuration))
    }

    /// Adds a breaker that exists already, perhaps shared with other policies.
    public func circuitBreaker(_ breaker: CircuitBreaker) -> PolicyPipeline<Chain<Built, CircuitBreaker>> {
        strategy(breaker)
    }
}

extension Policy {
    /// The breakers among the layers, outermost first.
    public var circuitBreakers: [CircuitBreaker] { strategies(CircuitBreaker.self) }
}

extension Execution {
    /// The state in which the outermost breaker met the call, the last time it was asked; `nil` if none was.
    public var circuitBreakerState: CircuitBreaker.State? { circuitBreakerStates.first?.state }

    /// The states in which breakers met the call, in the order in which they were asked, once for each attempt.
    public var circuitBreakerStates: [(breaker: String, state: CircuitBreaker.State)] {
        self[CircuitBreaker.StateAtAdmission.self]
    }
}
