public import ResilienceCore

extension Pause {
    /// A pause as a layer of a policy, with the policy's name, clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - configuration: How long a pause may be, and which calls may wait. Its faults are reported by the policy,
    ///     with those of the other layers.
    ///   - pauses: What shares it with the other nodes of a fleet, by the policy's name. Default: `nil`, nothing.
    public static func layer(
        _ configuration: Configuration = Configuration(), sharing pauses: SharedPauses? = nil
    ) -> Layer<Pause> {
        layer(name: nil, configuration, pauses)
    }

    /// A pause as a layer of a policy, with a name of its own and the policy's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the pause is called in errors, events and metrics, and by the other nodes of a fleet.
    ///   - configuration: How long a pause may be, and which calls may wait. Its faults are reported by the policy,
    ///     with those of the other layers.
    ///   - pauses: What shares it with the other nodes of a fleet. Default: `nil`, nothing.
    public static func layer(
        _ name: String, _ configuration: Configuration = Configuration(), sharing pauses: SharedPauses? = nil
    ) -> Layer<Pause> {
        layer(name: name, configuration, pauses)
    }

    private static func layer(
        name: String?, _ configuration: Configuration, _ pauses: SharedPauses?
    ) -> Layer<Pause> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            let pause = Pause(environment, configuration)
            pauses?.share(pause)
            return pause
        }
    }

    /// This as one layer: `Pause`.
    public var layers: [LayerDescription] { [LayerDescription(pattern: "Pause", strategy: self)] }
}

extension PolicyPipeline {
    /// Adds a pause that is built with the policy and has its name.
    ///
    /// - Parameters:
    ///   - configuration: How long a pause may be, and which calls may wait.
    ///   - pauses: What shares it with the other nodes of a fleet, by the policy's name. Default: `nil`, nothing.
    public func pause(
        _ configuration: Pause.Configuration = .init(), sharing pauses: SharedPauses? = nil
    ) -> PolicyPipeline<Chain<Built, Pause>> {
        layer(Pause.layer(configuration, sharing: pauses))
    }

    /// Adds a pause that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the pause is called in errors, events and metrics, and by the other nodes of a fleet.
    ///   - configuration: How long a pause may be, and which calls may wait.
    ///   - pauses: What shares it with the other nodes of a fleet. Default: `nil`, nothing.
    public func pause(
        _ name: String, _ configuration: Pause.Configuration = .init(), sharing pauses: SharedPauses? = nil
    ) -> PolicyPipeline<Chain<Built, Pause>> {
        layer(Pause.layer(name, configuration, sharing: pauses))
    }

    /// Adds a pause that exists already, perhaps shared with other policies.
    public func pause(_ pause: Pause) -> PolicyPipeline<Chain<Built, Pause>> { strategy(pause) }
}

extension Policy {
    /// The pauses among the layers, outermost first.
    public var pauses: [Pause] { strategies(Pause.self) }
}
