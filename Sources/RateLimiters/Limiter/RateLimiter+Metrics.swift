public import ResilienceCore

extension RateLimiter {
    /// Adds the totals, the permits that are there and how many tasks wait, as they are now.
    public func collect(into metrics: inout MetricCollection) {
        metrics.claim(tally.meters)
        let (available, waiting) = withState { state, now in (state.available(now: now), state.waiting) }
        let totals = totals
        metrics.add(Families.calls, [name, "permitted"], totals.permitted)
        metrics.add(Families.calls, [name, "rejected"], totals.rejected)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.available, [name], available)
        metrics.add(Families.waiting, [name], waiting)
    }

    /// What a limiter measures. The first label is the limiter's name.
    enum Families {
        static let calls = MetricFamily(
            "resilience.rate_limiter.calls", .counter, labels: ["name", "kind"],
            help: "Calls for permits of a rate limiter that have ended.")
        static let available = MetricFamily(
            "resilience.rate_limiter.available_permissions", .gauge, labels: ["name"],
            help: "Permits of a rate limiter that are there for the next who asks; none while others wait.")
        static let waiting = MetricFamily(
            "resilience.rate_limiter.waiting", .gauge, labels: ["name"],
            help: "Calls that wait for permits of a rate limiter.")
        static let wait = MetricFamily(
            "resilience.rate_limiter.wait_duration", .histogram, labels: ["name"],
            help: "How long those waited for permits of a rate limiter who had to and got them.")

        static let meterLayout = MeterPoint.Layout(durations: wait, timedKinds: 1)
    }
}
