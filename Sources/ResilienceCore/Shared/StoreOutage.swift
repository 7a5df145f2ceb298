/// Whether a store is away, when it is tried again, and what is told: once why it is away, and once that it answers
/// again. A pure value that is told the time.
package struct StoreOutage: Sendable {
    private var since: TimeSource.Instant?
    /// Whether it began because nobody asks the store, so that nobody knows yet why it is away, or whether.
    private var isUnasked = false
    private var delay = StoreRetryDelay()

    package init() {}

    /// Whether the store is away.
    package var isPresent: Bool { since != nil }

    /// Nobody asks the store, which is no better than one that does not answer.
    ///
    /// - Returns: Whether that is to be told.
    package mutating func beginUnasked(now: TimeSource.Instant) -> Bool {
        guard since == nil else { return false }
        (since, isUnasked) = (now, true)
        return true
    }

    /// The store has failed.
    ///
    /// - Parameters:
    ///   - longest: The longest delay until it is tried again.
    ///   - random: From 0 to 1, for the part of the delay.
    /// - Returns: Whether the error is to be told, as the first one is, and when to try again.
    package mutating func failed(
        now: TimeSource.Instant, upTo longest: Duration = StoreRetryDelay.longest, random: Double
    ) -> (isNews: Bool, retryAt: TimeSource.Instant) {
        let isNews = since == nil || isUnasked
        (since, isUnasked) = (since ?? now, false)
        return (isNews, now.advanced(by: delay.next(upTo: longest, random: random)))
    }

    /// The store has answered.
    ///
    /// - Returns: How long it was away, to be told; `nil` if it was not.
    package mutating func answered(now: TimeSource.Instant) -> Duration? {
        defer { self = StoreOutage() }
        return since.map { $0.duration(to: now) }
    }
}
