public import ResilienceCore

extension RetryBudget {
    /// The budget that a module holds under a name, for a retry or hedge that is registered in the same module.
    ///
    /// ```swift
    /// let resilience = try ResilienceModule("shop") {
    ///     Registration(budget: "outbound", .ratio(0.1))
    ///     Registration("payments") { Retry.layer(budget: RetryBudget.named("outbound")) }
    ///     Registration("stock") { Retry.layer(budget: RetryBudget.named("outbound")) }
    /// }
    /// ```
    ///
    /// A name that is not registered is a fault of what names it, and so is one where there is no module.
    public static func named(_ name: String) -> Named { Named(name: name) }
}

extension RetryBudget {
    /// The name of a budget in a module. Made by ``RetryBudget/named(_:)``; by itself it lets every attempt through.
    public struct Named: NamedBudget {
        package let name: String

        /// Does nothing.
        public func deposit() {}

        /// Lets the attempt through.
        public func tryWithdraw() -> Bool { true }

        package func resolved(
            in environment: PolicyEnvironment, field: String
        ) throws(ConfigurationError) -> any AttemptBudget {
            try environment.component(RetryBudget.self, named: name, field: field)
        }
    }
}
