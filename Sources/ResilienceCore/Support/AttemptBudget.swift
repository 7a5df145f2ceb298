/// What bounds the attempts that calls make beyond their first, for all calls that share it.
///
/// Retries and hedges take any budget; `RetryBudget` of `Retries` is one, and may be shared by both. Each method is
/// one atomic step, because calls use a budget at the same time.
///
/// Make it a class: a call that passes several layers with the same budget is told to it once, and only an object can
/// be known again.
public protocol AttemptBudget: Sendable {
    /// Tells of a call, once, whatever becomes of it and however many layers and attempts it passes.
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

/// A budget that tells apart a layer that lies within another with the same budget. The outer one tells how the whole
/// call ends; what the inner one tells too would count twice.
package protocol LayeredBudget: AttemptBudget {
    /// As ``AttemptBudget/tryWithdrawAfterFailure()``, but of a failure that is told by the outer layer if it is the
    /// end.
    func tryWithdrawAfterInnerFailure() -> Bool

    /// An attempt that was paid for succeeded, and the outer layer will tell of that as of one that was not.
    func recordInnerSuccessOfRetry()
}

extension AttemptBudget {
    package func tryWithdrawAfterFailure(isInner: Bool) -> Bool {
        guard isInner else { return tryWithdrawAfterFailure() }
        if let budget = self as? any LayeredBudget { return budget.tryWithdrawAfterInnerFailure() }
        guard tryWithdraw() else { return false }
        recordFailure()
        return true
    }

    package func recordSuccess(ofRetry isRetry: Bool, isInner: Bool) {
        if !isInner {
            recordSuccess(ofRetry: isRetry)
        } else if isRetry {
            if let budget = self as? any LayeredBudget {
                budget.recordInnerSuccessOfRetry()
            } else {
                recordSuccess(ofRetry: true)
            }
        }
    }
}

/// What tells in a call's context that a budget knows of the call. Made once for each configuration, so that a call
/// which carries nothing else allocates nothing for it.
package struct BudgetMark: Sendable {
    package let budget: any AttemptBudget
    /// `nil` for a budget that is no object.
    private let identity: ObjectIdentifier?
    private let extras: ContextExtras

    package init(_ budget: any AttemptBudget) {
        self.budget = budget
        identity = type(of: budget) is AnyClass ? ObjectIdentifier(budget as AnyObject) : nil
        extras = identity.map { .none.with(values: [$0: budget]) } ?? .none
    }

    /// Whether a layer further out, or an attempt before, has told the budget of the call.
    ///
    /// A policy in the operation of another that was not handed the context knows from the limit of the call around it,
    /// where there is one: that is noted for the task already.
    package func isSet(in context: Context) -> Bool {
        guard let identity else { return false }
        return context.extras?.values[identity] != nil || CallLimit.carries(identity)
    }

    /// The context with the mark.
    package func setting(in context: Context) -> Context {
        guard let identity, context.extras?.values[identity] == nil else { return context }
        var context = context
        context.extras = context.extras?.adding(extras.values) ?? extras
        return context
    }

    /// Tells the budget of a call that has just begun and carries nothing, unless a limit around it tells that it may
    /// know already.
    package func depositsWithoutContext() -> Bool {
        if let identity, CallLimit.carries(identity) { return false }
        budget.deposit()
        return true
    }

    /// Tells the budget of the call, unless it knows already; the context for what is inside.
    ///
    /// A further attempt that a layer further out makes comes past here again, and its first has told.
    package func depositing(in context: Context) -> Context {
        guard !isSet(in: context) else { return setting(in: context) }
        if context.attempt == 1 { budget.deposit() }
        return setting(in: context)
    }
}
