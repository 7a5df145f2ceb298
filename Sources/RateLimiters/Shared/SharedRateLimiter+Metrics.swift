public import ResilienceCore

extension SharedRateLimiter {
    /// Adds the totals, the permits that this node holds, how many tasks wait, and whether the store is away.
    public func collect(into metrics: inout MetricCollection) {
        shared.add(quota.figures, to: &metrics)
    }

    /// What a shared limiter measures, on this node. The first label is the limiter's name.
    enum Families {
        static let calls = MetricFamily(
            "resilience.shared_rate_limiter.calls", .counter, labels: ["name", "kind"],
            help: "Calls for permits of a shared rate limiter on this node that have ended.")
        static let withoutStore = MetricFamily(
            "resilience.shared_rate_limiter.calls_without_store", .counter, labels: ["name"],
            help: "Calls for permits of a shared rate limiter that this node decided alone.")
        static let permits = MetricFamily(
            "resilience.shared_rate_limiter.permits", .counter, labels: ["name", "kind"],
            help: "Permits of a shared rate limiter that this node leased, that ended unused, and that it gave back.")
        static let held = MetricFamily(
            "resilience.shared_rate_limiter.held_permits", .gauge, labels: ["name"],
            help: "Permits of a shared rate limiter that this node has leased and not used.")
        static let waiting = MetricFamily(
            "resilience.shared_rate_limiter.waiting", .gauge, labels: ["name"],
            help: "Calls that wait for permits of a shared rate limiter on this node.")
        static let exchanges = MetricFamily(
            "resilience.shared_rate_limiter.exchanges", .counter, labels: ["name"],
            help: "Requests of a shared rate limiter to its store.")
        static let outages = MetricFamily(
            "resilience.shared_rate_limiter.outages", .counter, labels: ["name"],
            help: "How often the store of a shared rate limiter has become unavailable to this node.")
        static let degraded = MetricFamily(
            "resilience.shared_rate_limiter.degraded", .gauge, labels: ["name"],
            help: "Whether a shared rate limiter decides alone on this node.")
        static let wait = MetricFamily(
            "resilience.shared_rate_limiter.wait_duration", .histogram, labels: ["name"],
            help: "How long those waited for permits of a shared rate limiter who had to and got them.")

        static let keys = MetricFamily(
            "resilience.shared_rate_limiter.keys", .gauge, labels: ["name"],
            help: "Keys that a shared keyed rate limiter remembers on this node.")
        static let maxKeys = MetricFamily(
            "resilience.shared_rate_limiter.max_keys", .gauge, labels: ["name"],
            help: "The most keys that a shared keyed rate limiter remembers on this node.")
        static let refusedKeys = MetricFamily(
            "resilience.shared_rate_limiter.refused_keys", .counter, labels: ["name"],
            help: "Calls that a shared keyed rate limiter rejected because it had no place for their key.")

        static let meterLayout = MeterPoint.Layout(durations: wait, timedKinds: 1)
    }
}

extension SharedQuotaLink {
    func add(_ figures: (held: Int, waiting: Int), to metrics: inout MetricCollection) {
        typealias Families = SharedRateLimiter.Families
        metrics.claim(tally.meters)
        let totals = totals
        metrics.add(Families.calls, [name, "permitted"], totals.permitted)
        metrics.add(Families.calls, [name, "rejected"], totals.rejected)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.withoutStore, [name], totals.withoutStore)
        metrics.add(Families.permits, [name, "leased"], totals.leased)
        metrics.add(Families.permits, [name, "expired"], totals.expired)
        metrics.add(Families.permits, [name, "returned"], totals.returned)
        metrics.add(Families.held, [name], figures.held)
        metrics.add(Families.waiting, [name], figures.waiting)
        metrics.add(Families.exchanges, [name], totals.exchanges)
        metrics.add(Families.outages, [name], totals.outages)
        metrics.add(Families.degraded, [name], link.isDegraded ? 1 : 0)
    }
}
