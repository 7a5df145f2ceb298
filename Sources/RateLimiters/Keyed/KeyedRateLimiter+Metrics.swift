public import ResilienceCore
internal import Synchronization

extension KeyedRateLimiter: MetricSource {
    /// Adds the totals and how many keys and waiting tasks there are now, over all keys: no label names a key, because
    /// keys are many. Looks at no key.
    public func collect(into metrics: inout MetricCollection) {
        shared.add(totals, keys: count, to: &metrics)
    }
}

extension KeyedShared {
    func add(_ totals: RateLimiter.KeyedTotals, keys: Int, to metrics: inout MetricCollection) {
        metrics.claim(tally.meters)
        metrics.add(Families.calls, [name, "permitted"], totals.permitted)
        metrics.add(Families.calls, [name, "rejected"], totals.rejected)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.keys, [name], keys)
        metrics.add(Families.maxKeys, [name], configuration.withLock { $0.present.maxKeys })
        metrics.add(Families.refusedKeys, [name], totals.refusedKeys)
        metrics.add(Families.forgottenKeys, [name], totals.forgottenKeys)
        // A call that was granted permits before the count knew that it waits has been counted down already.
        metrics.add(Families.waiting, [name], max(0, waiting.load(ordering: .relaxed)))
    }

    /// What a keyed limiter measures. The first label is the limiter's name.
    enum Families {
        static let calls = MetricFamily(
            "resilience.keyed_rate_limiter.calls", .counter, labels: ["name", "kind"],
            help: "Calls for permits of a keyed rate limiter that have ended.")
        static let keys = MetricFamily(
            "resilience.keyed_rate_limiter.keys", .gauge, labels: ["name"],
            help: "Keys that a keyed rate limiter remembers.")
        static let maxKeys = MetricFamily(
            "resilience.keyed_rate_limiter.max_keys", .gauge, labels: ["name"],
            help: "The most keys that a keyed rate limiter remembers.")
        static let refusedKeys = MetricFamily(
            "resilience.keyed_rate_limiter.refused_keys", .counter, labels: ["name"],
            help: "Calls that a keyed rate limiter rejected because it had no place for their key.")
        static let forgottenKeys = MetricFamily(
            "resilience.keyed_rate_limiter.forgotten_keys", .counter, labels: ["name"],
            help: "Keys with permits in use that a keyed rate limiter forgot for other keys.")
        static let waiting = MetricFamily(
            "resilience.keyed_rate_limiter.waiting", .gauge, labels: ["name"],
            help: "Calls that wait for permits of a keyed rate limiter.")
        static let wait = MetricFamily(
            "resilience.keyed_rate_limiter.wait_duration", .histogram, labels: ["name"],
            help: "How long those waited for permits of a keyed rate limiter who had to and got them.")

        static let meterLayout = MeterPoint.Layout(durations: wait, timedKinds: 1)
    }
}
