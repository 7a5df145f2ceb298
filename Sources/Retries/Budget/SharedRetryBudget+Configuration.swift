public import ResilienceCore

extension SharedRetryBudget {
    /// How a node keeps in touch with the store of the tokens.
    public struct Configuration: Sendable, Hashable {
        /// How often a node tells what has changed, 10 ms to 60 s; without a change it asks every tenth time. Default:
        /// 100 ms.
        public var tick: Duration

        /// The longest an operation of the store may take before the store counts as away; 1 ms to 60 s. Default:
        /// 100 ms.
        public var operationLimit: Duration

        /// Whether ``SharedRetryBudget/run()`` throws if the store does not answer when it begins. Default: no.
        public var isRequired: Bool

        /// Creates a configuration; every part has a default.
        public init(
            tick: Duration = .milliseconds(100), operationLimit: Duration = .milliseconds(100), isRequired: Bool = false
        ) {
            (self.tick, self.operationLimit, self.isRequired) = (tick, operationLimit, isRequired)
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("sharedRetryBudget")
            add(to: &check)
            try check.finish()
        }

        func add(to check: inout ConfigurationCheck) {
            check.require("tick", tick, in: .milliseconds(10) ... .seconds(60), "10 ms...60 s")
            check.require(operationLimit: operationLimit)
        }
    }
}
