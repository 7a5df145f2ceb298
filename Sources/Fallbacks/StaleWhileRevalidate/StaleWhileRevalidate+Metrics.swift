public import ResilienceCore

extension KeyedStaleWhileRevalidate: MetricSource {
    /// Adds the totals, how many refreshes run, how many values are kept, and what the policy measures.
    public func collect(into metrics: inout MetricCollection) {
        let (totals, refreshing, kept) = reading
        metrics.add(RevalidationFamilies.calls, [name, "fresh"], totals.fresh)
        metrics.add(RevalidationFamilies.calls, [name, "stale"], totals.stale)
        metrics.add(RevalidationFamilies.calls, [name, "loaded"], totals.loaded)
        metrics.add(RevalidationFamilies.calls, [name, "joined"], totals.joined)
        metrics.add(RevalidationFamilies.calls, [name, "failed"], totals.failed)
        metrics.add(RevalidationFamilies.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(RevalidationFamilies.refreshes, [name, "succeeded"], totals.refreshesSucceeded)
        metrics.add(RevalidationFamilies.refreshes, [name, "discarded"], totals.refreshesDiscarded)
        metrics.add(RevalidationFamilies.refreshes, [name, "failed"], totals.refreshesFailed)
        metrics.add(RevalidationFamilies.refreshes, [name, "cancelled"], totals.refreshesCancelled)
        metrics.add(RevalidationFamilies.refreshes, [name, "refused"], totals.refreshesRefused)
        metrics.add(RevalidationFamilies.refreshing, [name], refreshing)
        metrics.add(RevalidationFamilies.kept, [name], kept)
        if let policy { metrics.collect(policy) }
    }
}

/// What a ``KeyedStaleWhileRevalidate`` measures. The first label is its name.
enum RevalidationFamilies {
    static let calls = MetricFamily(
        "resilience.stale_while_revalidate.calls", .counter, labels: ["name", "kind"],
        help: "Calls that a kept value answered, fresh or stale, that were made, or that waited for one made.")
    static let refreshes = MetricFamily(
        "resilience.stale_while_revalidate.refreshes", .counter, labels: ["name", "kind"],
        help: "Refreshes in the background that have ended, or were refused.")
    static let refreshing = MetricFamily(
        "resilience.stale_while_revalidate.refreshing", .gauge, labels: ["name"], help: "Refreshes that run.")
    static let kept = MetricFamily(
        "resilience.stale_while_revalidate.kept_values", .gauge, labels: ["name"], help: "Values that are kept.")
}
