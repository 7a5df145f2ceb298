public import ResilienceCore

/// The synchronous way through a shared limiter: in if the node holds a permit; on the way out there is nothing to do.
extension SharedRateLimiter {
    /// Lets a call in if a permit is there.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        quota.takeFast(1, at: shared.time.now) ? 1 : 0
    }
}
