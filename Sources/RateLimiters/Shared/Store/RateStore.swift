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
    /// - Throws: `SharedStateError`. A quota that was never used is full, and no error.
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

    /// Permits of one grant that were taken and not used, to be given back first. Given back at most once, also if no
    /// answer comes: if the node is not sure, they are lost.
    public var returned: Int

    /// The receipt of the grant that ``returned`` were taken with. `nil`: nothing is given back.
    public var receipt: PermitReceipt?

    /// Creates a request.
    public init(
        quota: String, key: String? = nil, rule: SharedQuotaRule, wanted: Int, minimum: Int = 1, returned: Int = 0,
        receipt: PermitReceipt? = nil
    ) {
        (self.quota, self.key, self.rule) = (quota, key, rule)
        (self.wanted, self.minimum) = (wanted, minimum)
        (self.returned, self.receipt) = (returned, receipt)
    }
}

/// What came of a request.
public struct PermitGrant: Sendable, Hashable {
    /// How many permits were taken: 0, or from the least asked for to all.
    public var granted: Int

    /// How many more are there now.
    public var remaining: Int

    /// How long until the least that was asked for is there, if no more are taken; zero if it was granted; `nil` if
    /// there never are that many.
    public var retryAfter: Duration?

    /// How long until the quota is full again, if none are taken.
    public var resetAfter: Duration

    /// To be sent along when permits of this grant are given back.
    public var receipt: PermitReceipt

    /// Creates a grant.
    public init(
        granted: Int, remaining: Int, retryAfter: Duration?, resetAfter: Duration, receipt: PermitReceipt
    ) {
        (self.granted, self.remaining) = (granted, remaining)
        (self.retryAfter, self.resetAfter, self.receipt) = (retryAfter, resetAfter, receipt)
    }
}

/// Where permits were taken, so that a store which gets them back gives no more back than time has not: only the store
/// reads it.
public struct PermitReceipt: Sendable, Hashable {
    /// When the period began within which they were taken, in microseconds of the store's clock.
    public var since: Int64

    /// Where the debt ended after they were taken.
    public var position: Int64

    /// Creates a receipt.
    public init(since: Int64, position: Int64) {
        (self.since, self.position) = (since, position)
    }
}
