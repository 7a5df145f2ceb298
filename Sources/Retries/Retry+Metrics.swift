public import ResilienceCore

extension Retry {
    /// Adds the totals, but for hints that could not be read.
    public func collect(into metrics: inout MetricCollection) {
        metrics.claim(delays)
        let totals = totals
        metrics.add(Families.calls, [name, "succeeded_without_retry"], totals.succeededWithoutRetry)
        metrics.add(Families.calls, [name, "succeeded_with_retry"], totals.succeededWithRetry)
        metrics.add(Families.calls, [name, "failed_without_retry"], totals.failedWithoutRetry)
        metrics.add(Families.calls, [name, "failed_with_retry"], totals.failedWithRetry)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.attempts, [name], totals.attempts)
        metrics.add(Families.refusedByBudget, [name], totals.refusedByBudget)
    }

    /// What a retry measures. The first label is the retry's name.
    enum Families {
        static let calls = MetricFamily(
            "resilience.retry.calls", .counter, labels: ["name", "kind"],
            help: "Calls through a retry that have ended.")
        static let attempts = MetricFamily(
            "resilience.retry.attempts", .counter, labels: ["name"],
            help: "Attempts that a retry has made, the first of each call included.")
        static let delay = MetricFamily(
            "resilience.retry.delay", .histogram, labels: ["name"], help: "Delays before the attempts of a retry.")
        static let refusedByBudget = MetricFamily(
            "resilience.retry.refused", .counter, labels: ["name"],
            help: "Calls that were not retried because the budget was spent.")

        static let meterLayout = MeterPoint.Layout(durations: delay, timedKinds: 1)
    }
}
