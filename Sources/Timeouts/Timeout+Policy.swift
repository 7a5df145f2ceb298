public import ResilienceCore

extension Timeout {
    /// A timeout as a layer of a policy, with the policy's name, clock and observers.
    ///
    /// - Parameter limit: How long the layers inside may take, at least 1 ns.
    public static func layer(_ limit: Duration) -> Layer<Timeout> { layer(.fixed(limit)) }

    /// A timeout as a layer of a policy, with a name of its own and the policy's clock and observers.
    ///
    /// - Parameters:
    ///   - name: What the timeout is called in errors, events and metrics.
    ///   - limit: How long the layers inside may take, at least 1 ns.
    public static func layer(_ name: String, _ limit: Duration) -> Layer<Timeout> { layer(name, .fixed(limit)) }

    /// A timeout as a layer of a policy, with the policy's name, clock and observers, whose limit may be decided for
    /// each call.
    ///
    /// - Parameter configuration: How long the layers inside may take. Its faults are reported by the policy, with
    ///   those of the other layers.
    public static func layer(_ configuration: Configuration) -> Layer<Timeout> { layer(name: nil, configuration) }

    /// A timeout as a layer of a policy, with a name of its own and the policy's clock and observers, whose limit may
    /// be decided for each call.
    ///
    /// - Parameters:
    ///   - name: What the timeout is called in errors, events and metrics.
    ///   - configuration: How long the layers inside may take. Its faults are reported by the policy, with those of the
    ///     other layers.
    public static func layer(_ name: String, _ configuration: Configuration) -> Layer<Timeout> {
        layer(name: name, configuration)
    }

    private static func layer(name: String?, _ configuration: Configuration) -> Layer<Timeout> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            return Timeout(environment, configuration)
        }
    }

    /// This timeout as one layer: `Timeout(10s)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "Timeout", detail: configuration.detail, strategy: self)]
    }
}

extension PolicyPipeline {
    /// Adds a timeout that is built with the policy and has its name.
    ///
    /// - Parameter limit: How long the layers inside may take, at least 1 ns.
    public func timeout(_ limit: Duration) -> PolicyPipeline<Chain<Built, Timeout>> { layer(Timeout.layer(limit)) }

    /// Adds a timeout that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the timeout is called in errors, events and metrics.
    ///   - limit: How long the layers inside may take, at least 1 ns.
    public func timeout(_ name: String, _ limit: Duration) -> PolicyPipeline<Chain<Built, Timeout>> {
        layer(Timeout.layer(name, limit))
    }

    /// Adds a timeout that is built with the policy and has its name, and whose limit may be decided for each call.
    ///
    /// - Parameter configuration: How long the layers inside may take.
    public func timeout(_ configuration: Timeout.Configuration) -> PolicyPipeline<Chain<Built, Timeout>> {
        layer(Timeout.layer(configuration))
    }

    /// Adds a timeout that is built with the policy, and whose limit may be decided for each call.
    ///
    /// - Parameters:
    ///   - name: What the timeout is called in errors, events and metrics.
    ///   - configuration: How long the layers inside may take.
    public func timeout(
        _ name: String, _ configuration: Timeout.Configuration
    ) -> PolicyPipeline<Chain<Built, Timeout>> {
        layer(Timeout.layer(name, configuration))
    }

    /// Adds a timeout that exists already, perhaps shared with other policies.
    public func timeout(_ timeout: Timeout) -> PolicyPipeline<Chain<Built, Timeout>> { strategy(timeout) }
}

extension Policy {
    /// The timeouts among the layers, outermost first.
    public var timeouts: [Timeout] { strategies(Timeout.self) }
}
