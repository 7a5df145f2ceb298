public import ResilienceCore

extension Hedge {
    /// When and how often a call is hedged.
    ///
    /// The defaults: one hedge, when a call takes longer than 95 % of the last 1000 did, or when it fails, but no
    /// sooner than the server asks; every error but cancellation may be hedged; no budget.
    public struct Configuration: Sendable {
        /// When the next hedge starts if no attempt has succeeded by then. Default: the 95th percentile.
        public var delay: Delay

        /// How many attempts there are at most besides the primary, 1 to 10. Default: 1.
        public var maxHedges: Int

        /// After which errors another attempt may help. Any other ends the call at once, and the attempts that run are
        /// cancelled, because every attempt would meet it: a request that is not valid, a right that is missing. A
        /// value that is not accepted never does. Default: all.
        public var handles: ErrorCondition

        /// The longest wait that a server may ask for. One that asks for more gets no further hedge of the call. Zero
        /// or more. Default: 30 seconds.
        public var maxHint: Duration

        /// How much longer than asked for a hedge waits that a server asked to wait, as a share of it: 0 to 1. Callers
        /// that are asked the same come back spread from then on, never sooner. Default: 0.5.
        public var hintJitter: Double

        /// What bounds the hedges of all calls together, shared with other hedges and with retries. Default: `nil`.
        public var budget: (any AttemptBudget)?

        /// Creates a configuration; every part has a default.
        public init(
            delay: Delay = .percentile(),
            maxHedges: Int = 1,
            handles: ErrorCondition = .all,
            maxHint: Duration = .seconds(30),
            hintJitter: Double = 0.5,
            budget: (any AttemptBudget)? = nil
        ) {
            self.delay = delay
            self.maxHedges = maxHedges
            self.handles = handles
            self.maxHint = maxHint
            self.hintJitter = hintJitter
            self.budget = budget
        }

        /// The same configuration with the budget that its name stands for.
        ///
        /// - Throws: That nothing has the name.
        package func resolved(in environment: PolicyEnvironment) throws(ConfigurationError) -> Self {
            var configuration = self
            configuration.budget = try environment.resolved(budget, field: "hedge.budget")
            return configuration
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("hedge")
            delay.check(&check)
            check.require("maxHedges", maxHedges, in: 1...10)
            check.require(notNegative: "maxHint", maxHint)
            check.require("hintJitter", hintJitter, in: 0...1)
            check.requireObject("budget", budget)
            try check.finish()
        }
    }
}
