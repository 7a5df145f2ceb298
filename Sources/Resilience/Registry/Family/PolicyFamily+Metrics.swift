public import ResilienceCore
internal import Synchronization

extension PolicyFamily: MetricSource {
    /// Adds how many keys there are and what has become of others; and, for each layer, the numbers of all members
    /// together, also of those that are gone: sums, and of rates the largest. Nothing is told of single keys, which
    /// only ``maxKeys`` bounds.
    public func collect(into metrics: inout MetricCollection) {
        let members = allMembers
        let states = members.map { Set($0.member.state.breakers.map(\.state)) }
        metrics.add(PolicyFamilyMetrics.keys, [name], members.count)
        metrics.add(PolicyFamilyMetrics.maxKeys, [name], maxKeys)
        metrics.add(
            PolicyFamilyMetrics.openKeys, [name], states.count { $0.contains(.open) || $0.contains(.isolated) })
        metrics.add(PolicyFamilyMetrics.halfOpenKeys, [name], states.count { $0.contains(.halfOpen) })
        metrics.add(PolicyFamilyMetrics.displaced, [name], counts.displaced.load(ordering: .relaxed))
        metrics.add(PolicyFamilyMetrics.overflowed, [name], overflowCount)
        numbers.collect(into: &metrics)
        for (layer, isShared) in zip(prototype.layers, sharedLayers) where isShared { metrics.collect(layer.strategy) }
        if let policy = overflow.withLock({ $0?.bare }) { metrics.collect(policy) }
    }
}

private enum PolicyFamilyMetrics {
    static let keys = MetricFamily(
        "resilience.policy_family.keys", .gauge, labels: ["name"], help: "Keys that have a policy.")
    static let maxKeys = MetricFamily(
        "resilience.policy_family.max_keys", .gauge, labels: ["name"], help: "The most keys that can have a policy.")
    static let openKeys = MetricFamily(
        "resilience.policy_family.open_keys", .gauge, labels: ["name"],
        help: "Keys with a circuit breaker that lets nothing through.")
    static let halfOpenKeys = MetricFamily(
        "resilience.policy_family.half_open_keys", .gauge, labels: ["name"],
        help: "Keys with a circuit breaker that is half-open.")
    static let displaced = MetricFamily(
        "resilience.policy_family.forgotten_keys", .counter, labels: ["name"],
        help: "Policies that gave way to those of other keys before they were idle for long enough.")
    static let overflowed = MetricFamily(
        "resilience.policy_family.overflowed", .counter, labels: ["name"],
        help: "How often a key was given the policy that all keys share for which there is no place.")
}
