public import ResilienceCore

/// How long values are kept, and how many.
public struct StaleWhileRevalidateConfiguration: Sendable, Hashable {
    /// How long a value is as good as new, zero or more. At exactly this age it is stale.
    public var freshFor: Duration

    /// How long after that it still answers while it is renewed, at least 1 ns. At exactly the end it does.
    public var staleFor: Duration

    /// For how many keys values are kept, at least 1. The one that was renewed longest ago goes first. Default: 1000.
    public var maxKeys: Int

    /// How many refreshes may run at once, at least 1. While there are as many, stale values answer without being
    /// renewed. Default: 8.
    public var maxRefreshes: Int

    /// How long after a failed refresh of a key the next one may begin, zero or more. Doubles with each that fails in a
    /// row, up to ``maxRefreshBackoff``; longer if the error says when to try again. Default: 1 s.
    public var refreshBackoff: Duration

    /// The longest that ``refreshBackoff`` becomes by doubling, at least as long as that. Default: 30 s.
    public var maxRefreshBackoff: Duration

    /// Creates a configuration.
    public init(
        freshFor: Duration, staleFor: Duration, maxKeys: Int = 1_000, maxRefreshes: Int = 8,
        refreshBackoff: Duration = .seconds(1), maxRefreshBackoff: Duration = .seconds(30)
    ) {
        self.freshFor = freshFor
        self.staleFor = staleFor
        self.maxKeys = maxKeys
        self.maxRefreshes = maxRefreshes
        self.refreshBackoff = refreshBackoff
        self.maxRefreshBackoff = maxRefreshBackoff
    }

    /// Checks every part.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("staleWhileRevalidate")
        check.require(notNegative: "freshFor", freshFor)
        check.require(positive: "staleFor", staleFor)
        check.require("maxKeys", maxKeys, atLeast: 1)
        check.require("maxRefreshes", maxRefreshes, atLeast: 1)
        check.require(notNegative: "refreshBackoff", refreshBackoff)
        check.require(notNegative: "maxRefreshBackoff", maxRefreshBackoff)
        check.require(
            maxRefreshBackoff >= refreshBackoff || maxRefreshBackoff < .zero, "maxRefreshBackoff",
            "\(maxRefreshBackoff)", "is below refreshBackoff, \(refreshBackoff)")
        try check.finish()
    }

    @usableFromInline var retention: LastGoodRetention {
        let maxAge = freshFor.saturatedNanoseconds.addingSaturated(staleFor.saturatedNanoseconds)
        return LastGoodRetention(maxAge: .nanoseconds(maxAge), maxKeys: maxKeys)
    }

    /// How long after so many failed refreshes in a row, the last of them with this hint, the next one may begin.
    func wait(afterFailures failures: Int, _ hint: Duration?) -> Duration {
        var wait = refreshBackoff.saturatedNanoseconds
        let longest = maxRefreshBackoff.saturatedNanoseconds
        var doublings = failures - 1
        while doublings > 0, wait > 0, wait < longest {
            wait = min(wait.addingSaturated(wait), longest)
            doublings -= 1
        }
        return max(.nanoseconds(wait), hint ?? .zero)
    }
}
