/// Where a policy that is built in a module finds what the module holds.
package protocol NamedComponents: Sendable {
    /// What is registered for itself under a name.
    ///
    /// - Parameter field: Where the name stands, for the fault.
    /// - Throws: That there is nothing of that name and type.
    func component<Component: Sendable>(
        _ type: Component.Type, named name: String, field: String
    ) throws(ConfigurationError) -> Component
}

extension Strategy {
    /// What a module holds under a name, as a layer of a policy that is registered in the same module: a limiter,
    /// bulkhead or breaker that several policies share.
    ///
    /// ```swift
    /// let resilience = try ResilienceModule("shop") {
    ///     Registration("outbound", RateLimiter.layer(.tokenBucket(100, per: .seconds(1))))
    ///     Registration("payments") { RateLimiter.named("outbound") }
    ///     Registration("stock") { RateLimiter.named("outbound") }
    /// }
    /// ```
    ///
    /// The module has made it, with its clock, randomness and observers. The order of the registrations does not
    /// matter. A name that is not registered is a fault of the policy, and so is a policy that is in no module.
    public static func named(_ name: String) -> Layer<Self> {
        Layer { environment throws(ConfigurationError) in
            let strategy = try environment.component(Self.self, named: name, field: "layers")
            strategy.shared(with: environment)
            return strategy
        }
    }
}

extension PolicyEnvironment {
    /// What a module holds under a name.
    ///
    /// - Throws: That there is nothing, or no module.
    package func component<Component: Sendable>(
        _ type: Component.Type, named name: String, field: String
    ) throws(ConfigurationError) -> Component {
        guard let names else {
            throw ConfigurationError(
                .init(
                    field: field, value: name.quotedName,
                    violation: "is the name of something in a module, and this is in none"))
        }
        return try names.component(type, named: name, field: field)
    }

    /// The budget that a name stands for; any other as it is.
    ///
    /// - Throws: That nothing has the name.
    package func resolved(_ budget: (any AttemptBudget)?, field: String) throws(ConfigurationError) -> (
        any AttemptBudget
    )? {
        guard let named = budget as? any NamedBudget else { return budget }
        return try named.resolved(in: self, field: field)
    }
}

/// A budget that is only a name yet.
package protocol NamedBudget: AttemptBudget {
    var name: String { get }

    /// - Throws: That nothing has the name.
    func resolved(in environment: PolicyEnvironment, field: String) throws(ConfigurationError) -> any AttemptBudget
}

extension ConfigurationCheck {
    /// Notes that a budget is only a name, where no module can say which is meant.
    package mutating func requireObject(_ field: String, _ budget: (any AttemptBudget)?) {
        guard let named = budget as? any NamedBudget else { return }
        require(false, field, named.name.quotedName, "is the name of a budget in a module, and this is in none")
    }
}

extension String {
    /// As a fault quotes it.
    package var quotedName: String { abridged.debugDescription }
}
