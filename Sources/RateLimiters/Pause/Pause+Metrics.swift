public import ResilienceCore

extension Pause {
    /// Adds the totals.
    public func collect(into metrics: inout MetricCollection) {
        let totals = totals
        metrics.add(Families.pauses, [name], totals.pauses)
        metrics.add(Families.calls, [name, "waited"], totals.waited)
        metrics.add(Families.calls, [name, "rejected"], totals.rejected)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.waiting, [name], waiting)
    }

    enum Families {
        static let pauses = MetricFamily(
            "resilience.pause.pauses", .counter, labels: ["name"],
            help: "Pauses of all calls for which a service has asked one of them.")
        static let calls = MetricFamily(
            "resilience.pause.calls", .counter, labels: ["name", "kind"],
            help: "Calls that came during a pause, and waited for its end, were rejected or cancelled.")
        static let waiting = MetricFamily(
            "resilience.pause.waiting", .gauge, labels: ["name"],
            help: "Calls that wait for the end of a pause.")
    }
}
