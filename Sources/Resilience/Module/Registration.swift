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
    let make: @Sendable (PolicyEnvironment, ModuleParts) throws(ConfigurationError) -> (Registry.Entry, any Any.Type)
    var isCritical = false

    /// What a registration needs of its module.
    struct ModuleParts: Sendable {
        let gate: AdmissionGate
        let refusal: @Sendable (_ policy: String) -> any Error
        let isCritical: Bool
    }

    /// A policy, of layers written one under another, outermost first.
    ///
    /// - Parameters:
    ///   - name: The name of the policy, and of layers that have none of their own.
    ///   - layers: As for `Policy`.
    public init<S: Strategy>(_ name: String, @PolicyBuilder layers: () -> Layer<S>) {
        let layer = layers()
        self.init(name) { environment throws(ConfigurationError) in try Policy(environment: environment, layer: layer) }
    }

    /// A policy that exists already. Calls go through the module's gate only in the form that the module hands out.
    public init(_ policy: Policy) {
        self.init(policy.name) { environment throws(ConfigurationError) in
            for observer in environment.observers { policy.addObserver(observer) }
            return policy
        }
    }

    init(_ name: String, policy: @escaping @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Policy) {
        self.name = name
        make = { environment, parts throws(ConfigurationError) in
            let policy = try policy(environment)
            let managed = ManagedPolicy(policy, gate: parts.gate) { parts.refusal(name) }
            let entry = Registry.Entry(
                name: name, kind: .policy, component: Policy(policy, layers: managed), isCritical: parts.isCritical,
                managed: managed, tuning: nil)
            return (entry, Policy.self)
        }
    }

    /// A pattern for itself, made from a recipe with the module's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - layer: `CircuitBreaker.layer(…)`, `RateLimiter.layer(…)`, …
    public init<S: Strategy>(_ name: String, _ layer: Layer<S>) {
        self.name = name
        make = { environment, parts throws(ConfigurationError) in
            let strategy: S
            do throws(ConfigurationError) {
                strategy = try layer.build(in: environment)
            } catch {
                throw error.prefixed(name)
            }
            return (Registry.Entry(name, strategy, parts), S.self)
        }
    }

    /// Anything else that exists already: a breaker that policies share, a budget, a fallback, a hedged policy.
    ///
    /// - Parameters:
    ///   - name: Under which the module hands it out.
    ///   - component: The object. A strategy hears of the module's observers.
    public init<Component: Sendable>(_ name: String, _ component: Component) {
        self.name = name
        make = { environment, parts throws(ConfigurationError) in
            if let strategy = component as? any Strategy {
                for observer in environment.observers { strategy.addObserver(observer) }
            }
            return (Registry.Entry(name, component, parts), Component.self)
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

extension Registry.Entry {
    init<Component: Sendable>(_ name: String, _ component: Component, _ parts: Registration.ModuleParts) {
        let pattern = component as? any Pattern
        self.init(
            name: name, kind: pattern.map { type(of: $0).kind } ?? Kind(title: "\(Component.self)", section: nil),
            component: component, isCritical: parts.isCritical, managed: nil, tuning: pattern.map { Tuning($0) })
    }
}

/// Collects registrations written one under another.
@resultBuilder
public enum RegistrationBuilder {
    /// One registration.
    public static func buildExpression(_ registration: Registration) -> [Registration] { [registration] }

    /// Several, such as those of a function of your own.
    public static func buildExpression(_ registrations: [Registration]) -> [Registration] { registrations }

    /// All of them.
    public static func buildBlock(_ parts: [Registration]...) -> [Registration] { parts.flatMap(\.self) }

    /// Those under a condition.
    public static func buildOptional(_ part: [Registration]?) -> [Registration] { part ?? [] }

    /// Those of the first branch.
    public static func buildEither(first part: [Registration]) -> [Registration] { part }

    /// Those of the second branch.
    public static func buildEither(second part: [Registration]) -> [Registration] { part }

    /// Those of a loop.
    public static func buildArray(_ parts: [[Registration]]) -> [Registration] { parts.flatMap(\.self) }
}
