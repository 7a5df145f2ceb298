public import ResilienceCore
internal import Synchronization

extension SharedKeyedRateLimiter: MetricSource {
    /// Adds the totals and what this node holds, over all keys: no label names a key, because keys are many.
    public func collect(into metrics: inout MetricCollection) {
        shared.add(table.figures, to: &metrics)
        metrics.add(SharedRateLimiter.Families.keys, [name], count)
        metrics.add(SharedRateLimiter.Families.maxKeys, [name], maxKeys)
        metrics.add(SharedRateLimiter.Families.refusedKeys, [name], table.refusedKeys.load(ordering: .relaxed))
    }
}
