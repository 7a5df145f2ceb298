public import ResilienceCore

/// The synchronous way through a shared limiter for one key, as through one without keys.
extension SharedKeyedRateLimiter.Single {
    /// Lets a call in if a permit is there.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        guard let quota = try? limiter.table.quota(for: key) else { return 0 }
        return quota.takeFast(1, at: limiter.shared.time.now) ? 1 : 0
    }
}
