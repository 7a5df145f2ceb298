public import ResilienceCore
internal import Synchronization

extension Pause {
    /// Adds the totals.
    public func collect(into metrics: inout MetricCollection) {
        metrics.add(Families.pauses, [name], counts.pauses.load(ordering: .relaxed))
        metrics.add(Families.calls, [name, "waited"], counts.waited.load(ordering: .relaxed))
        metrics.add(Families.calls, [name, "rejected"], counts.rejected.load(ordering: .relaxed))
        metrics.add(Families.waiting, [name], waiting)
    }

    enum Families {
        static let pauses = MetricFamily(
            "resilience.pause.pauses", .counter, labels: ["name"],
            help: "Pauses of all calls for which a service has asked one of them.")
        static let calls = MetricFamily(
            "resilience.pause.calls", .counter, labels: ["name", "kind"],
            help: "Calls that came during a pause, and waited for its end or were rejected.")
        static let waiting = MetricFamily(
            "resilience.pause.waiting", .gauge, labels: ["name"],
            help: "Calls that wait for the end of a pause.")
    }
}
