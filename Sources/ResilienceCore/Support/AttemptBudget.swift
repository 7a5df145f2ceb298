/// What bounds the attempts that calls make beyond their first, for all calls that share it.
///
/// Retries and hedges take any budget; `RetryBudget` of `Retries` is one, and may be shared by both. Each method is
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

    /// Takes back an attempt that was paid for and did not start after all.
    func putBack()

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
    public func putBack() {}

    /// Does nothing.
    public func recordFailure() {}

    /// Does nothing.
    public func recordSuccess(ofRetry isRetry: Bool) {}
}
