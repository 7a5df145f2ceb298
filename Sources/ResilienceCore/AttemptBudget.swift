/// What bounds the attempts that calls make beyond their first, for all calls that share it.
///
/// Hedges take any budget; `RetryBudget` of `Retries` is one, so that retries and hedges can share it. Each method is
/// one atomic step, because calls use a budget at the same time.
public protocol AttemptBudget: Sendable {
    /// Tells of a call, once, whatever becomes of it.
    func deposit()

    /// Asks for one more attempt.
    ///
    /// - Returns: Whether it may start. It is paid for then.
    func tryWithdraw() -> Bool

    /// ``recordFailure()`` and ``tryWithdraw()`` in one step, so that no two callers are let through on the same token.
    func tryWithdrawAfterFailure() -> Bool

    /// Tells of an attempt that failed.
    func recordFailure()

    /// Tells of the attempt by which a call succeeded.
    ///
    /// - Parameter isRetry: Whether the attempt was paid for.
    func recordSuccess(ofRetry isRetry: Bool)
}

/// A budget that looks at calls and further attempts only.
extension AttemptBudget {
    /// Records the failure, then asks.
    public func tryWithdrawAfterFailure() -> Bool {
        recordFailure()
        return tryWithdraw()
    }

    /// Does nothing.
    public func recordFailure() {}

    /// Does nothing.
    public func recordSuccess(ofRetry isRetry: Bool) {}
}
