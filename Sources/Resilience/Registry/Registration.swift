public import ResilienceCore

/// Something that a ``ResilienceModule`` is to hold under a name.
///
/// ```swift
/// let resilience = try ResilienceModule {
///     Registration("payments") {
///         Retry.layer()
///         CircuitBreaker.layer()
///     }
///     Registration("inventory", CircuitBreaker.layer())
/// }
/// ```
public struct Registration: Sendable {
    let name: String
    let make: @Sendable (ModuleParts) throws(ConfigurationError) -> [Registry.Entry]
    var isCritical = false

    init(_ name: String, make: @escaping @Sendable (ModuleParts) throws(ConfigurationError) -> [Registry.Entry]) {
        self.name = name
        self.make = make
    }

    // MARK: Policies

    /// A policy, of layers written one under another, outermost first.
    ///
    /// - Parameters:
    ///   - name: The name of the policy, and of layers that have none of their own.
    ///   - layers: As for `Policy`.
    @inlinable
    public init<S: Strategy>(_ name: String, @PolicyBuilder layers: () -> Layer<S>) {
        self.init(name, recipe: PolicyRecipe(layers()))
    }

    @usableFromInline
    init(_ name: String, recipe: PolicyRecipe) {
        self.init(name) { parts throws(ConfigurationError) in
            [parts.policy(try recipe.policy(in: parts.environment)).entry]
        }
    }

    /// A policy that exists already. Calls pass the module's gate only in the form that the module hands out.
    public init(_ policy: Policy) {
        self.init(policy.name, policy)
    }

    // MARK: Patterns

    /// A pattern for itself, made from a recipe with the module's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - layer: `CircuitBreaker.layer(…)`, `RateLimiter.layer(…)`, …
    public init<S: Strategy>(_ name: String, _ layer: Layer<S>) {
        self.init(name) { parts throws(ConfigurationError) in
            do throws(ConfigurationError) {
                return [parts.entry(of: try layer.build(in: parts.environment))]
            } catch {
                throw error.prefixed(name)
            }
        }
    }

    /// Policies of one kind, one for each key, made with the module's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the family is called.
    ///   - key: What there is a policy for: a host, a tenant, a route.
    ///   - maxKeys: The most keys at once, 1 to 1 000 000.
    ///   - idleLimit: How long a policy that is not used is kept, at least 1 ns. Default: 10 minutes.
    ///   - layers: The layers of each policy, as for `Policy`.
    @inlinable
    public init<Key: Hashable & Sendable, S: Strategy>(
        family name: String, by key: Key.Type, maxKeys: Int, idleLimit: Duration = .seconds(600),
        @PolicyBuilder layers: () -> Layer<S>
    ) {
        self.init(family: name, by: key, maxKeys: maxKeys, idleLimit: idleLimit, recipe: PolicyRecipe(layers()))
    }

    @usableFromInline
    init<Key: Hashable & Sendable>(
        family name: String, by key: Key.Type, maxKeys: Int, idleLimit: Duration, recipe: PolicyRecipe
    ) {
        self.init(name) { parts throws(ConfigurationError) in
            let family = try PolicyFamily<Key>(parts.environment, maxKeys: maxKeys, idleLimit: idleLimit, recipe)
            try family.adopt(by: parts.gate)
            return [parts.entry(of: family)]
        }
    }

    // MARK: What exists already

    /// Anything else that exists already: a breaker that policies share, a budget, a fallback, a hedged policy, a
    /// family.
    ///
    /// What consists of a policy and more is registered as both, the policy behind the module's gate. Of a family, also
    /// the policies there are already pass the gate from now on.
    ///
    /// - Parameters:
    ///   - name: Under which the module hands it out.
    ///   - component: The object. It hears of the module's observers.
    public init<C: Sendable>(_ name: String, _ component: C) {
        self.init(name) { parts throws(ConfigurationError) in
            if let group = component as? any ComponentGroup {
                var entries: [Registry.Entry] = []
                for (suffix, part) in group.parts {
                    var parts = parts
                    parts.environment.name += suffix
                    entries += parts.entries(of: part)
                }
                return entries
            }
            return parts.entries(of: component)
        }
    }

    /// The same, marked as something without which the application is of no use: while it cannot work, the module's
    /// health is ``ResilienceModule/Health/Status/down``, otherwise only degraded.
    public func critical() -> Registration {
        var registration = self
        registration.isCritical = true
        return registration
    }
}
