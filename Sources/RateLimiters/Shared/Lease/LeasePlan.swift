internal import ResilienceCore

/// What a node's part in a quota is decided by, in nanoseconds.
struct LeasePlan: Sendable {
    let quota: String
    let key: String?
    /// A later one has a greater number.
    let version: Int
    /// The rule at the store: the user's, less what leases carry.
    let storeRule: SharedQuotaRule
    let isExact: Bool
    /// For how long permits may be used after they were asked for.
    let lease: Int64
    let maxWait: Int64
    let whenUnavailable: SharedRateLimiter.WhenUnavailable
    /// What holds on this node alone; `nil` if that is no limit.
    let local: PacedMeter?
    /// Between two permits of the whole quota.
    let interval: Int64

    /// For how long a batch lasts at the present rate, in addition to the time that two round trips take.
    static let cover: Int64 = 40_000_000
    /// Between two requests that were granted in full, and at least after one that was not.
    static let shortestGap: Int64 = 2_000_000
    static let gapWhenShort: Int64 = 10_000_000
    /// However long the store says that it takes until permits are there: another node may give some back.
    static let longestGap: Int64 = 1_000_000_000
    /// Over how long the rate is averaged, about; no shorter time is looked at than a tenth.
    static let memory: Int64 = 100_000_000

    /// All has been validated.
    init(
        quota: String, _ configuration: SharedRateLimiter.Configuration, version: Int = 0
    ) {
        let rule = configuration.rule
        self.quota = quota
        self.version = version
        key = nil
        isExact = configuration.mode == .exact
        let lease = configuration.effectiveLeaseLength
        self.lease = lease.saturatedNanoseconds
        storeRule = isExact ? rule : rule.leased(for: lease) ?? rule
        maxWait = configuration.maxWait.saturatedNanoseconds
        whenUnavailable = configuration.whenUnavailable
        interval = Int64((rule.checkedRule.interval + 999) / 1000)
        local =
            if case .local(let share) = configuration.whenUnavailable {
                Self.meter(of: rule, share: share)
            } else {
                nil
            }
    }

    init(_ other: LeasePlan, key: String?) {
        (quota, version) = (other.quota, other.version)
        self.key = key
        (storeRule, isExact, lease, maxWait) = (other.storeRule, other.isExact, other.lease, other.maxWait)
        (whenUnavailable, local, interval) = (other.whenUnavailable, other.local, other.interval)
    }

    private static func meter(of rule: SharedQuotaRule, share: Double) -> PacedMeter {
        let period = Double(rule.period.saturatedNanoseconds) / share
        return PacedMeter(
            limit: rule.permits, period: period < 0x1p62 ? Int64(period) : 1 << 62,
            burst: max(1, Int(Double(rule.burst) * share)), isUnbounded: false)
    }

    func request(wanted: Int, minimum: Int, returned: Int = 0, receipt: PermitReceipt? = nil) -> PermitRequest {
        PermitRequest(
            quota: quota, key: key, rule: storeRule, wanted: wanted, minimum: minimum, returned: returned,
            receipt: receipt)
    }
}
