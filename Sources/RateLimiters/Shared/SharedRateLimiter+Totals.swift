internal import ResilienceCore

extension SharedRateLimiter {
    /// What a shared limiter has seen on this node since it was made. Every number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// The asks for permits.
        public internal(set) var calls: RateLimiter.Totals
        /// Asks that this node decided alone, because the store was away; they are among the calls.
        public internal(set) var withoutStore: Int
        /// Requests to the store.
        public internal(set) var exchanges: Int
        /// How often the store has become unavailable.
        public internal(set) var outages: Int

        init(_ calls: RateLimiter.Totals, withoutStore: Int, exchanges: Int, outages: Int) {
            (self.calls, self.withoutStore, self.exchanges, self.outages) = (calls, withoutStore, exchanges, outages)
        }
    }

    /// Everything the limiter has seen in its life.
    public var totals: Totals { shared.totals }

    /// How many permits this node has leased and not used, of those that have not ended.
    public var held: Int { quota.figures.held }

    /// How many tasks wait for permits on this node.
    public var waiting: Int { quota.figures.waiting }

    /// Whether the store does not answer, or ``run()`` does not run: this node decides alone then.
    public var isDegraded: Bool { shared.link.isAway }
}
