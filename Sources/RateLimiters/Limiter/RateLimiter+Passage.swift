public import ResilienceCore
internal import Synchronization

/// The synchronous way through a limiter: in if there is a permit; on the way out there is nothing to do.
extension RateLimiter {
    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let now = time.now.nanoseconds
        switch word.take(1, at: now) {
        case .granted:
            tally.countPermitted()
            return 1
        case .refused(let retryAfter, mayWait: false):
            tally.countRejected()
            refusal = RejectedError(policyName: name, permits: 1, retryAfter: .nanoseconds(retryAfter))
            return 0
        case .refused: return 0
        case .undecided: return enterAlone(now, &refusal)
        }
    }

    @inline(never)
    private func enterAlone(_ now: Int64, _ refusal: inout (any Error)?) -> Int {
        switch askAlone(1, now: now, maxWait: nil, isCall: true)?.decision {
        case .granted: return 1
        case .refused(let retryAfter):
            refusal = RejectedError(policyName: name, permits: 1, retryAfter: .nanoseconds(retryAfter))
            return 0
        case .queued, .never, nil: return 0
        }
    }
}
