public import Fallbacks
public import Hedges
public import ResilienceCore
public import Retries

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
    public init<S: Strategy>(_ name: String, @PolicyBuilder layers: () -> Layer<S>) {
        let layer = layers()
        self.init(name) { parts throws(ConfigurationError) in
            [parts.policy(try Policy(environment: parts.environment, layer: layer)).entry]
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

    /// A budget for the retries and hedges of several policies, on the module's clock.
    public init(budget name: String, _ rule: RetryBudget.Configuration = .ratio(0.2)) {
        self.init(name) { parts throws(ConfigurationError) in
            do throws(ConfigurationError) {
                return [parts.entry(of: try RetryBudget.make(rule, in: parts.environment))]
            } catch {
                throw error.prefixed(name)
            }
        }
    }

    /// A policy whose calls are hedged: a hedge and a policy of the same name.
    ///
    /// - Parameters:
    ///   - name: The name of the policy and of its hedge.
    ///   - configuration: When and how often calls are hedged.
    ///   - layers: As for `Policy`; each attempt goes through all of them.
    public init<S: Strategy>(
        hedged name: String, _ configuration: Hedge.Configuration = Hedge.Configuration(),
        @PolicyBuilder layers: () -> Layer<S>
    ) {
        let layer = layers()
        self.init(name) { parts throws(ConfigurationError) in
            let (entry, policy) = parts.policy(try Policy(environment: parts.environment, layer: layer))
            let resolved: Hedge.Configuration
            do throws(ConfigurationError) {
                resolved = try configuration.resolved(in: parts.environment)
            } catch {
                throw error.prefixed(name)
            }
            return [entry, parts.entry(hedging: try policy.hedged(resolved))]
        }
    }

    /// A fallback for itself, made from its steps with the module's clock and observers.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - type: What calls return.
    ///   - steps: What is tried, first to last.
    public init<Value: Sendable>(
        fallback name: String, for type: Value.Type,
        @FallbackBuilder<NoKey, Value> steps: () -> Fallback<Value>.Steps
    ) {
        self.init(fallback: name, Fallback<Value>.Configuration(steps: steps))
    }

    /// A fallback for itself, made from its configuration with the module's clock and observers.
    public init<Key, Value>(fallback name: String, _ configuration: KeyedFallback<Key, Value>.Configuration) {
        self.init(name) { parts throws(ConfigurationError) in
            do throws(ConfigurationError) {
                return [parts.entry(of: try KeyedFallback<Key, Value>(configuration, in: parts.environment))]
            } catch {
                throw error.prefixed(name)
            }
        }
    }

    /// A policy for calls of one type, with a fallback: a fallback and a policy of the same name.
    ///
    /// - Parameters:
    ///   - name: The name of the policy and of its fallback.
    ///   - type: What calls return.
    ///   - layers: As for `Policy`.
    ///   - steps: What is tried when a call fails, first to last.
    public init<S: Strategy, Value: Sendable>(
        _ name: String, for type: Value.Type, @PolicyBuilder layers: () -> Layer<S>,
        @FallbackBuilder<NoKey, Value> fallback steps: () -> Fallback<Value>.Steps
    ) {
        let layer = layers()
        let configuration = Fallback<Value>.Configuration(steps: steps)
        self.init(name) { parts throws(ConfigurationError) in
            let fallback: Fallback<Value>
            do throws(ConfigurationError) {
                fallback = try Fallback<Value>(configuration, in: parts.environment)
            } catch {
                throw error.prefixed(name)
            }
            let (entry, policy) = parts.policy(try Policy(environment: parts.environment, layer: layer))
            return [entry, parts.entry(around: policy.fallback(to: fallback))]
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
    public init<Key: Hashable & Sendable, S: Strategy>(
        family name: String, by key: Key.Type, maxKeys: Int, idleLimit: Duration = .seconds(600),
        @PolicyBuilder layers: () -> Layer<S>
    ) {
        let layer = layers()
        self.init(name) { parts throws(ConfigurationError) in
            let family = try PolicyFamily<Key>(parts.environment, maxKeys: maxKeys, idleLimit: idleLimit, layer)
            try family.adopt(by: parts.gate)
            return [parts.entry(of: family)]
        }
    }

    // MARK: What exists already

    /// Anything else that exists already: a breaker that policies share, a budget, a fallback, a hedged policy, a family.
    ///
    /// What consists of a policy and more is registered as both, the policy behind the module's gate. Of a family, also the
    /// policies there are already pass the gate from now on.
    ///
    /// - Parameters:
    ///   - name: Under which the module hands it out.
    ///   - component: The object. It hears of the module's observers.
    public init<C: Sendable>(_ name: String, _ component: C) {
        self.init(name) { parts throws(ConfigurationError) in
            switch component {
            case let policy as Policy: return [parts.policy(policy).entry]
            case let hedged as HedgedPolicy:
                let (entry, policy) = parts.policy(hedged.policy)
                return [entry, parts.entry(hedging: HedgedPolicy(policy: policy, hedge: hedged.hedge))]
            case let covered as any PolicyWithFallback:
                let (entry, policy) = parts.policy(covered.policy)
                return [entry, parts.entry(around: covered.through(policy))]
            case let covered as any FamilyWithFallback: return parts.entries(around: covered)
            default: return [parts.entry(of: component)]
            }
        }
    }

    /// The same, marked as something without which the application is of no use: while it cannot work, the module's health
    /// is ``ResilienceModule/Health/Status/down``, otherwise only degraded.
    public func critical() -> Registration {
        var registration = self
        registration.isCritical = true
        return registration
    }
}
