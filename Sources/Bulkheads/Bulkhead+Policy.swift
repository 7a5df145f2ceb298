public import ResilienceCore

extension Bulkhead {
    /// A bulkhead as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// - Parameter configuration: How many calls may run at once, and what becomes of the others. Its faults are
    ///   reported by the policy, with those of the other layers.
    public static func layer(_ configuration: Configuration = Configuration()) -> Layer<Bulkhead> {
        layer(name: nil, configuration)
    }

    /// A bulkhead as a layer of a policy, with a name of its own and the policy's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the bulkhead is called in errors, events and metrics.
    ///   - configuration: How many calls may run at once, and what becomes of the others. Its faults are reported by
    ///     the policy, with those of the other layers.
    public static func layer(_ name: String, _ configuration: Configuration = Configuration()) -> Layer<Bulkhead> {
        layer(name: name, configuration)
    }

    /// A bulkhead without a queue as a layer of a policy, with the policy's clock and observers.
    ///
    /// - Parameters:
    ///   - name: What the bulkhead is called in errors, events and metrics. Default: the policy's name.
    ///   - limit: How many calls may run at once, 0 to 1 000 000 000.
    public static func layer(_ name: String? = nil, limit: Int) -> Layer<Bulkhead> {
        layer(name: name, Configuration(limit: .fixed(limit)))
    }

    private static func layer(name: String?, _ configuration: Configuration) -> Layer<Bulkhead> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            return Bulkhead(environment, configuration)
        }
    }

    /// This bulkhead as one layer: `Bulkhead(payments)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "Bulkhead", detail: name, strategy: self)]
    }
}

extension PolicyPipeline {
    /// Adds a bulkhead that is built with the policy and has its name.
    ///
    /// - Parameter configuration: How many calls may run at once, and what becomes of the others.
    public func bulkhead(
        _ configuration: Bulkhead.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, Bulkhead>> {
        layer(Bulkhead.layer(configuration))
    }

    /// Adds a bulkhead that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the bulkhead is called in errors, events and metrics.
    ///   - configuration: How many calls may run at once, and what becomes of the others.
    public func bulkhead(
        _ name: String, _ configuration: Bulkhead.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, Bulkhead>> {
        layer(Bulkhead.layer(name, configuration))
    }

    /// Adds a bulkhead without a queue that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the bulkhead is called in errors, events and metrics. Default: the policy's name.
    ///   - limit: How many calls may run at once, 0 to 1 000 000 000.
    public func bulkhead(_ name: String? = nil, limit: Int) -> PolicyPipeline<Chain<Built, Bulkhead>> {
        layer(Bulkhead.layer(name, limit: limit))
    }

    /// Adds a bulkhead that exists already, perhaps shared with other policies.
    public func bulkhead(_ bulkhead: Bulkhead) -> PolicyPipeline<Chain<Built, Bulkhead>> {
        strategy(bulkhead)
    }
}

extension Policy {
    /// The bulkheads among the layers, outermost first.
    public var bulkheads: [Bulkhead] { strategies(Bulkhead.self) }
}

extension Execution {
    /// How long the call waited for slots of bulkheads, in the order in which it did; nothing where a slot was free.
    public var bulkheadWaits: [(bulkhead: String, waited: Duration)] { self[Bulkhead.Wait.self] }
}
