/// Where the nodes of a fleet take permits from one quota.
///
/// The rule is a token bucket, kept as the instant at which it would be full (the generic cell rate algorithm, ITU-T
/// I.371): one number for each key. ``SharedQuotaRecord`` has it as a pure value, for stores that can hold one and
/// change it in one step. A store over a network has it as a script.
///
/// All members may be used from any task at once. An operation must answer or throw in bounded time.
public protocol RateStore: Sendable {
    /// Takes permits, as many as there are and as were asked for. One atomic step.
    ///
    /// - Throws: `SharedStateError`. A quota that nobody has used is full, and no error.
    func take(_ request: PermitRequest) async throws -> PermitGrant
}

/// What a node asks of a quota.
public struct PermitRequest: Sendable, Hashable {
    /// The quota's name: the same on all nodes. Any text.
    public var quota: String

    /// The key within a keyed quota. Any text. `nil` for a quota without keys.
    public var key: String?

    /// The rule, as this node has it.
    public var rule: SharedQuotaRule

    /// How many permits are wanted, 0 or more.
    public var wanted: Int

    /// The least that is of use, 0 to ``wanted``: fewer are not taken.
    public var minimum: Int

    /// Permits that were taken and not used, to be given back first.
    public var returned: Int

    /// Creates a request.
    public init(
        quota: String, key: String? = nil, rule: SharedQuotaRule, wanted: Int, minimum: Int = 1, returned: Int = 0
    ) {
        (self.quota, self.key, self.rule) = (quota, key, rule)
        (self.wanted, self.minimum, self.returned) = (wanted, minimum, returned)
    }
}

/// What came of a request.
public struct PermitGrant: Sendable, Hashable {
    /// How many permits were taken: 0, or from the least asked for to all.
    public var granted: Int

    /// How many more are there now.
    public var remaining: Int

    /// How long until the least that was asked for is there, if nobody else takes any; zero if it was granted; `nil` if
    /// there never are that many.
    public var retryAfter: Duration?

    /// How long until the quota is full again, if nobody takes any.
    public var resetAfter: Duration

    /// Creates a grant.
    public init(granted: Int, remaining: Int, retryAfter: Duration?, resetAfter: Duration) {
        (self.granted, self.remaining) = (granted, remaining)
        (self.retryAfter, self.resetAfter) = (retryAfter, resetAfter)
    }
}

/// How many permits a fleet has, and when.
public struct SharedQuotaRule: Sendable, Hashable {
    /// How many permits come in each ``period``, 1 to 1 000 000 000.
    public var permits: Int

    /// The time in which they come, evenly; 1 ms to 366 days. A permit takes at least 1 ns.
    public var period: Duration

    /// How many permits may be used at once after a time without use; 1 to 1 000 000 000.
    public var burst: Int

    /// Creates a rule.
    public init(permits: Int, period: Duration, burst: Int) {
        (self.permits, self.period, self.burst) = (permits, period, burst)
    }
}
