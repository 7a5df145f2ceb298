public import ResilienceCore

extension SharedRateLimiter {
    /// How many permits a fleet has, how a node takes them, how long a call waits for them, and what holds while the
    /// store is away.
    public struct Configuration: Sendable, Hashable {
        /// How many permits the fleet has, and when: the same on all nodes. Has no default: what a service stands, only
        /// you know.
        public var rule: SharedQuotaRule

        /// How permits come to the calls. Default: ``Mode/leased``.
        public var mode: Mode

        /// How long a call waits for its permits at most, 0 s to 292 years. Default: 200 ms.
        ///
        /// A node that is at rest holds no permits: the first call after a pause waits until some are there, a round
        /// trip. With zero it is rejected, and the next ones find permits. What is less than ``operationLimit`` rejects
        /// calls while the store is slow, before that counts as away.
        public var maxWait: Duration

        /// The longest an operation of the store may take before the store counts as away; 1 ms to 60 s. Default:
        /// 100 ms.
        public var operationLimit: Duration

        /// What holds while the store is away. Default: `.local(share: 0.1)`.
        public var whenUnavailable: WhenUnavailable

        /// For how long a node may use permits after it has asked for them; 10 ms to 10 s. For leased ones only.
        /// Default: `nil`, the time in which half of the burst comes, but at most 200 ms, and at least 10 ms.
        ///
        /// As many permits as come in this time are kept back from the burst at the store: what nodes may still use of
        /// what they have taken, and the burst together, never come to more than the rule allows.
        public var leaseLength: Duration?

        /// Whether ``SharedRateLimiter/run()`` throws if the store does not answer when it begins. Otherwise the node
        /// decides alone until it does. Default: no.
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

        /// Checks every part, and that the rule leaves something to lease.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) { try validate(as: "sharedRateLimiter") }

        func validate(as name: String) throws(ConfigurationError) {
            var check = ConfigurationCheck(name)
            rule.check(&check, at: "rule.")
            let isRuleSound = check.faults.isEmpty
            check.require(notNegative: "maxWait", maxWait)
            check.require(operationLimit: operationLimit)
            if case .local(let share) = whenUnavailable {
                check.require(
                    share > 0 && share <= 1, "whenUnavailable.share", "\(share)", "is not above 0 and at most 1")
            }
            if let leaseLength {
                check.require("leaseLength", leaseLength, in: .milliseconds(10) ... .seconds(10), "10 ms...10 s")
            }
            if isRuleSound, mode == .leased, rule.leased(for: effectiveLeaseLength) == nil {
                check.require(
                    false, "rule.burst", "\(rule.burst)",
                    "leaves no permit to lease: as many come in \(effectiveLeaseLength.shortForm); "
                        + "it has to be greater, or the mode exact")
            }
            try check.finish()
        }

        /// For how long permits are leased.
        var effectiveLeaseLength: Duration {
            if let leaseLength { return leaseLength }
            let rule = rule.checkedRule
            let half = rule.capacity / 2 / 1000
            return .nanoseconds(Int64(min(max(half, 10_000_000), 200_000_000)))
        }
    }

    /// How permits come to the calls.
    public enum Mode: String, Sendable, Hashable, Codable, CaseIterable {
        /// The node takes permits from the store in batches, in the background, and calls use those: no call waits for
        /// the store while there are any. Unused permits expire.
        case leased

        /// Each call asks the store: in the order in which they come there, and with a round trip each.
        case exact
    }

    /// What holds while the store is away, or does not answer in time.
    public enum WhenUnavailable: Sendable, Hashable {
        /// Calls go through without a limit.
        case open

        /// Calls are rejected with ``UnavailableError``.
        case closed

        /// Calls are limited on this node alone, to a share of the quota, above 0 and at most 1. The quota holds if the
        /// shares of all nodes come to 1 at most. Begins with one permit, because the rest may be in use.
        case local(share: Double)
    }
}

extension SharedQuotaRule {
    /// The rule at the store for permits that may be used for so long after they were asked for; `nil` if there is
    /// none.
    ///
    /// What is used in a time T was granted in T or up to the lease before: at most burst' + rate · (T + lease). So the
    /// burst is less by what comes in a lease, rounded up; and in a microsecond, by which store clocks are read.
    func leased(for lease: Duration) -> SharedQuotaRule? {
        let interval = checkedRule.interval
        let carried = ((Int128(lease.saturatedNanoseconds) + 1000) * 1000 + interval - 1) / interval
        guard carried < Int128(burst) else { return nil }
        var rule = self
        rule.burst = burst - Int(carried)
        return rule
    }
}
