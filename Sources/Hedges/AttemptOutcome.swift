internal import ResilienceCore

/// How an attempt ended.
struct AttemptOutcome: Sendable {
    /// `nil` if the operation returned a value, accepted or not.
    let error: (any Error)?
    /// As what failure the value counts, if it does.
    let unaccepted: (any Error)?
    /// Whether the layers let the operation run.
    let isBegun: Bool
    /// What the server said about trying again, if it did.
    let hint: ServerHint?
}

/// When, and which.
struct AttemptEnd: Sendable {
    let attempt: Int
    let outcome: AttemptOutcome
    let instant: TimeSource.Instant
}

/// How a call ended: with the value of an attempt, or with an error.
struct Verdict: Sendable {
    let attempt: Int
    let error: (any Error)?
    /// As what failure the value counts, if it does.
    let unaccepted: (any Error)?
}

extension AttemptOutcome {
    /// What follows from how the attempt ended. Asked in the task of the call, whose cancellation is the caller's.
    func ending(in context: Context, _ handles: ErrorCondition) -> HedgeState.Ending {
        if isAccepted { return .success }
        let error = failure
        switch CallEnd(error, in: context) {
        case .expired, .cancelled: return .neutral
        // A rejection is one whatever happened meanwhile, but nobody waits for a hedge after it if the call was cut
        // off.
        case .rejected where !isBegun || Task.isCancelled: return .neutral
        case .rejected, .failed: break
        }
        // What is not said to be a certain failure is one that hedges follow.
        if !(unwrapped(error) is UnacceptedResultError), !handles.handles(error) { return .fatal }
        return hint == .doNotRetry ? .lastFailure : .failure
    }

    /// Whether a value came back that counts as success.
    var isAccepted: Bool { error == nil && unaccepted == nil }

    /// The error, or as what failure the value counts.
    var failure: any Error { error ?? unaccepted ?? UnacceptedResultError() }

    /// Whether a server asks to wait. What a layer refused inside the operation is no server's word: the next attempt
    /// may go elsewhere.
    func isPushback(in context: Context) -> Bool {
        !isRejection(in: context) && (hint?.delay ?? .zero) > .zero
    }

    /// Whether a layer refused the attempt, inside the operation too: that says nothing about the service.
    func isRejection(in context: Context) -> Bool {
        !isAccepted && CallEnd(failure, in: context) == .rejected
    }
}
