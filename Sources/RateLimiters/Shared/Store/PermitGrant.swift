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
