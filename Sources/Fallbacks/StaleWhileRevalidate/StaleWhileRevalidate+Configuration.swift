public import ResilienceCore

/// How long values are kept, and how many.
public struct StaleWhileRevalidateConfiguration: Sendable, Hashable {
    /// How long a value is as good as new, zero or more. At exactly this age it is stale.
    public var freshFor: Duration

    /// How long after that it still answers while it is renewed, at least 1 ns. At exactly the end it does.
    public var staleFor: Duration

    /// For how many keys values are kept, at least 1. The one that was renewed longest ago goes first. Default: 1000.
    public var capacity: Int

    /// How many refreshes may run at once, at least 1. While there are as many, stale values answer without being
    /// renewed. Default: 8.
    public var maxRefreshes: Int

    /// Creates a configuration.
    public init(freshFor: Duration, staleFor: Duration, capacity: Int = 1_000, maxRefreshes: Int = 8) {
        self.freshFor = freshFor
        self.staleFor = staleFor
        self.capacity = capacity
        self.maxRefreshes = maxRefreshes
    }

    /// Checks every part.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("staleWhileRevalidate")
        let isInRange = freshFor >= .zero && freshFor <= .nanoseconds(Int64.max)
        check.require(isInRange, "freshFor", "\(freshFor)", "is outside 0...292 years")
        check.require(positive: "staleFor", staleFor)
        check.require("capacity", capacity, atLeast: 1)
        check.require("maxRefreshes", maxRefreshes, atLeast: 1)
        try check.finish()
    }

    @usableFromInline var retention: LastGoodRetention {
        let maxAge = freshFor.saturatedNanoseconds.addingSaturated(staleFor.saturatedNanoseconds)
        return LastGoodRetention(maxAge: .nanoseconds(maxAge), capacity: capacity)
    }
}
