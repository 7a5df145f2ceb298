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
        Layer { environment throws(ConfigurationError) in
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
    /// - Parameter configuration: How long a pause may be, and which calls may wait.
    public func pause(_ configuration: Pause.Configuration = .init()) -> PolicyPipeline<Chain<Built, Pause>> {
        layer(Pause.layer(configuration))
    }

    /// Adds a pause that exists already, perhaps shared with other policies.
    public func pause(_ pause: Pause) -> PolicyPipeline<Chain<Built, Pause>> { strategy(pause) }
}

extension Policy {
    /// The pauses among the layers, outermost first.
    public var pauses: [Pause] { strategies(Pause.self) }
}
