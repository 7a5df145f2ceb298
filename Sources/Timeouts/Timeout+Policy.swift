public import ResilienceCore

extension Timeout {
    /// A timeout as a layer of a policy, with the policy's clock and observers.
    ///
    /// - Parameters:
    ///   - limit: How long the layers inside may take, at least 1 ns.
    ///   - name: What the timeout is called in errors and events. Default: the policy's name.
    public static func layer(_ limit: Duration, name: String? = nil) -> Layer<Timeout> {
        layer(.fixed(limit), name: name)
    }

    /// A timeout as a layer of a policy, whose limit is decided for each call.
    ///
    /// - Parameters:
    ///   - limit: How long the layers inside may take.
    ///   - name: What the timeout is called in errors and events. Default: the policy's name.
    public static func layer(_ limit: Limit, name: String? = nil) -> Layer<Timeout> {
        Layer { environment throws(ConfigurationError) in
            try limit.validate()
            var environment = environment
            if let name { environment.name = name }
            return Timeout(environment, limit)
        }
    }

    /// This timeout as one layer: `Timeout(10s)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "Timeout", detail: limit.detail, strategy: self)]
    }
}

extension PolicyPipeline {
    /// Adds a timeout that is built with the policy.
    ///
    /// - Parameters:
    ///   - limit: How long the layers inside may take, at least 1 ns.
    ///   - name: What the timeout is called in errors and events. Default: the policy's name.
    public func timeout(_ limit: Duration, name: String? = nil) -> PolicyPipeline<Chain<Built, Timeout>> {
        layer(Timeout.layer(limit, name: name))
    }

    /// Adds a timeout that is built with the policy and whose limit is decided for each call.
    ///
    /// - Parameters:
    ///   - limit: How long the layers inside may take.
    ///   - name: What the timeout is called in errors and events. Default: the policy's name.
    public func timeout(_ limit: Timeout.Limit, name: String? = nil) -> PolicyPipeline<Chain<Built, Timeout>> {
        layer(Timeout.layer(limit, name: name))
    }
}

extension Policy {
    /// The timeouts among the layers, outermost first.
    public var timeouts: [Timeout] { strategies(Timeout.self) }
}
