public import ResilienceCore

extension AdaptiveThrottle {
    /// A throttle as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// - Parameter configuration: How many calls it rejects, and over which time it counts. Its faults are reported by
    ///   the policy, with those of the other layers.
    public static func layer(_ configuration: Configuration = Configuration()) -> Layer<AdaptiveThrottle> {
        layer(name: nil, configuration)
    }

    /// A throttle as a layer of a policy, with a name of its own and the policy's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the throttle is called in errors, events and metrics.
    ///   - configuration: How many calls it rejects, and over which time it counts. Its faults are reported by the
    ///     policy, with those of the other layers.
    public static func layer(
        _ name: String, _ configuration: Configuration = Configuration()
    ) -> Layer<AdaptiveThrottle> {
        layer(name: name, configuration)
    }

    private static func layer(name: String?, _ configuration: Configuration) -> Layer<AdaptiveThrottle> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            return AdaptiveThrottle(environment, configuration)
        }
    }

    /// This throttle as one layer: `AdaptiveThrottle(payments)`.
    public var layers: [LayerDescription] {
        [LayerDescription(pattern: "AdaptiveThrottle", detail: name, strategy: self)]
    }
}

extension PolicyPipeline {
    /// Adds a throttle that is built with the policy and has its name.
    ///
    /// - Parameter configuration: How many calls it rejects, and over which time it counts.
    public func adaptiveThrottle(
        _ configuration: AdaptiveThrottle.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, AdaptiveThrottle>> {
        layer(AdaptiveThrottle.layer(configuration))
    }

    /// Adds a throttle that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the throttle is called in errors, events and metrics.
    ///   - configuration: How many calls it rejects, and over which time it counts.
    public func adaptiveThrottle(
        _ name: String, _ configuration: AdaptiveThrottle.Configuration = .init()
    ) -> PolicyPipeline<Chain<Built, AdaptiveThrottle>> {
        layer(AdaptiveThrottle.layer(name, configuration))
    }

    /// Adds a throttle that exists already, perhaps shared with other policies.
    public func adaptiveThrottle(
        _ throttle: AdaptiveThrottle
    ) -> PolicyPipeline<Chain<Built, AdaptiveThrottle>> {
        strategy(throttle)
    }
}

extension Policy {
    /// The throttles among the layers, outermost first.
    public var adaptiveThrottles: [AdaptiveThrottle] { strategies(AdaptiveThrottle.self) }
}
