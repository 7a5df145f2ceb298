public import ResilienceCore

extension SharedRateLimiter {
    /// How many permits each key has, how a node takes them, how long a call waits for them, and what holds while the
    /// store is away. How many keys a node remembers is code's to say.
    public struct KeyedConfiguration: Sendable, Hashable {
        /// How many permits each key has, and when: the same on all nodes.
        public var rule: SharedQuotaRule

        /// How permits come to the calls. Default: ``Mode/leased``.
        public var mode: Mode

        /// How long a call waits for its permits at most, 0 s to 292 years. Default: 200 ms. See
        /// ``Configuration/maxWait``.
        public var maxWait: Duration

        /// The longest an operation of the store may take before the store counts as away; 1 ms to 60 s. Default:
        /// 100 ms.
        public var operationLimit: Duration

        /// What holds while the store is away. Default: `.local(share: 0.1)`.
        public var whenUnavailable: WhenUnavailable

        /// For how long a node may use permits after it has asked for them; 10 ms to 10 s. For leased ones only.
        /// Default: `nil`, by the rule: see ``Configuration/leaseLength``.
        public var leaseLength: Duration?

        /// Whether ``SharedKeyedRateLimiter/run()`` throws if the store does not answer when it begins. Otherwise the
        /// node decides alone until it does. Default: no.
        public var isRequired: Bool

        /// Creates a configuration; every part but the rule has a default.
        public init(
            rule: SharedQuotaRule, mode: Mode = .leased, maxWait: Duration = .milliseconds(200),
            operationLimit: Duration = .milliseconds(100), whenUnavailable: WhenUnavailable = .local(share: 0.1),
            leaseLength: Duration? = nil, isRequired: Bool = false
        ) {
            (self.rule, self.mode, self.maxWait, self.operationLimit) = (rule, mode, maxWait, operationLimit)
            (self.whenUnavailable, self.leaseLength, self.isRequired) = (whenUnavailable, leaseLength, isRequired)
        }

        init(_ single: Configuration) {
            self.init(
                rule: single.rule, mode: single.mode, maxWait: single.maxWait, operationLimit: single.operationLimit,
                whenUnavailable: single.whenUnavailable, leaseLength: single.leaseLength, isRequired: single.isRequired)
        }

        /// The same for one key.
        var single: Configuration {
            Configuration(
                rule: rule, mode: mode, maxWait: maxWait, operationLimit: operationLimit,
                whenUnavailable: whenUnavailable, leaseLength: leaseLength, isRequired: isRequired)
        }

        /// Checks every part, and that the rule leaves something to lease.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) { try single.validate(as: "sharedKeyedRateLimiter") }
    }
}
