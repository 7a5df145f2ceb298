/// The recipe of a strategy: what a policy builder takes where no strategy has been built yet.
///
/// `CircuitBreaker("payments", …)` builds a breaker and throws if its configuration cannot work.
/// `CircuitBreaker.layer("payments", …)` takes the same but builds nothing: the policy it is placed in does, and throws
/// the faults of all its layers at once. The strategy it makes uses the policy's clock, randomness and observers and,
/// where no name is given, its name.
public struct Layer<Built: Strategy>: Sendable {
    @usableFromInline let make: @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Built

    /// Creates a recipe from a function that builds the strategy.
    public init(_ make: @escaping @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Built) {
        self.make = make
    }

    /// Creates a recipe for a strategy with a name of its own, or the policy's if that is `nil`.
    package init(
        named name: String?, _ make: @escaping @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Built
    ) {
        self.make = { environment throws(ConfigurationError) in
            var environment = environment
            if let name { environment.name = name }
            return try make(environment)
        }
    }

    /// Builds the strategy.
    ///
    /// - Throws: All faults of the configuration.
    public func build(in environment: PolicyEnvironment = PolicyEnvironment()) throws(ConfigurationError) -> Built {
        try make(environment)
    }
}

/// What a policy gives to the layers it builds.
public struct PolicyEnvironment: Sendable {
    /// The policy's name: that of a layer without one of its own.
    public var name: String
    /// The time that layers measure in.
    public var time: TimeSource
    /// The randomness of jitter.
    public var random: RandomSource
    /// The observers of the layers.
    public var observers: [any PolicyObserver]
    /// What names in the braces of a policy stand for; `nil` outside of a module.
    package var names: (any NamedComponents)?
    /// What that is called which layers share with other nodes; `nil`: the name. Empty where nothing is shared: in what
    /// members of a family are made after, and in what keys without a place have in common.
    package var sharedName: String?

    /// Creates an environment; by default without a name and observers, on the continuous clock.
    public init(
        name: String = "", time: TimeSource = .continuous, random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) {
        self.name = name
        self.time = time
        self.random = random
        self.observers = observers
    }
}

/// One layer of a policy, as shown by ``Policy/layers`` and ``Policy/description``.
public struct LayerDescription: Sendable, CustomStringConvertible {
    /// The pattern: `CircuitBreaker`, `Retry`; for a strategy of your own, its type.
    public let pattern: String
    /// What distinguishes this one, as a word or two: `10s`, `payments`. May be empty.
    public let detail: String
    /// The strategy itself.
    public let strategy: any Strategy

    /// Creates a description.
    public init(pattern: String, detail: String = "", strategy: any Strategy) {
        self.pattern = pattern
        self.detail = detail
        self.strategy = strategy
    }

    /// `Timeout(10s)`
    public var description: String { detail.isEmpty ? pattern : "\(pattern)(\(detail))" }
}
