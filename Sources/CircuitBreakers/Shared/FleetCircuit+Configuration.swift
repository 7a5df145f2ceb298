public import ResilienceCore

extension FleetCircuit {
    /// When the fleet opens together, and how a node keeps in touch with its store.
    public struct Configuration: Sendable, Hashable {
        /// The fleet's rule; the same on all nodes. Default: half of at least 100 calls in 10 s fail, seen by half of
        /// the nodes and two at least.
        public var rule: SharedCircuitRule

        /// How often a node with calls tells the store, 10 ms to 60 s; one without calls does so every fifth time. A
        /// failure is told at once. Default: 1 s.
        public var tick: Duration

        /// How long an operation of the store may take before it counts as failed, 1 ms to 60 s. No call waits for it.
        /// Default: 100 ms.
        public var operationLimit: Duration

        /// How long one node may be the one that probes, 100 ms to 1 hour. At least as long as the breaker's probes
        /// take: a verdict that comes later is void. Default: 10 s.
        public var leaseLength: Duration

        /// How long a breaker is held open by the fleet after the store was last heard of, 100 ms to 1 hour; then it
        /// goes by its own rules. Default: 10 s.
        public var grace: Duration

        /// The longest delay between two attempts to reach a store that fails, 10 ms to 1 hour. The first is 100 ms, or
        /// this if it is shorter, and each is twice the one before, less a random part of up to half. Default: 5 s.
        public var maxRetryDelay: Duration

        /// Whether ``FleetCircuit/run()`` throws if the store cannot be reached when it begins, or refuses to tell of
        /// changes, as for want of a permission. Otherwise the node is degraded until it can; without changes it asks
        /// from time to time, and no event says so. Default: no.
        public var isRequired: Bool

        /// Creates a configuration; every part has a default.
        public init(
            rule: SharedCircuitRule = SharedCircuitRule(), tick: Duration = .seconds(1),
            operationLimit: Duration = .milliseconds(100), leaseLength: Duration = .seconds(10),
            grace: Duration = .seconds(10), maxRetryDelay: Duration = .seconds(5), isRequired: Bool = false
        ) {
            (self.rule, self.tick, self.operationLimit) = (rule, tick, operationLimit)
            (self.leaseLength, self.grace) = (leaseLength, grace)
            (self.maxRetryDelay, self.isRequired) = (maxRetryDelay, isRequired)
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("fleetCircuit")
            rule.check(&check, "rule.")
            check.require("tick", tick, in: .milliseconds(10) ... .seconds(60), "10 ms...60 s")
            check.require(operationLimit: operationLimit)
            check.require("leaseLength", leaseLength, in: .milliseconds(100) ... .seconds(3600), "100 ms...1 hour")
            check.require("grace", grace, in: .milliseconds(100) ... .seconds(3600), "100 ms...1 hour")
            check.require("maxRetryDelay", maxRetryDelay, in: .milliseconds(10) ... .seconds(3600), "10 ms...1 hour")
            try check.finish()
        }
    }
}
