public import ResilienceCore

extension Timeout {
    /// Adds the totals, and how many calls run.
    public func collect(into metrics: inout MetricCollection) {
        let totals = totals
        metrics.add(Families.calls, [name, "succeeded"], totals.succeeded)
        metrics.add(Families.calls, [name, "failed"], totals.failed)
        metrics.add(Families.calls, [name, "exceeded"], totals.exceeded)
        metrics.add(Families.calls, [name, "late"], totals.late)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.calls, [name, "rejected"], totals.rejected)
        metrics.add(Families.calls, [name, "rejected_inside"], totals.rejectedInside)
        metrics.add(Families.calls, [name, "unlimited"], totals.unlimited)
        metrics.add(Families.running, [name], running)
    }

    /// What a timeout measures. The first label is the timeout's name, or that of the policy that abandons.
    enum Families {
        static let calls = MetricFamily(
            "resilience.timeout.calls", .counter, labels: ["name", "kind"],
            help: "Calls through a timeout: exceeded ended with an error after the limit, late with a value.")
        static let running = MetricFamily(
            "resilience.timeout.running", .gauge, labels: ["name"], help: "Calls that run under a timeout.")
        static let abandoned = MetricFamily(
            "resilience.timeout.abandoned", .counter, labels: ["name"],
            help: "Calls that were left running: at their limit, or when their caller was cancelled.")
        static let abandonedRunning = MetricFamily(
            "resilience.timeout.abandoned_running", .gauge, labels: ["name"],
            help: "Calls that were left running and have not ended.")
    }
}

extension AbandoningPolicy {
    /// Adds how many calls were left running, and what the policy inside measures.
    public func collect(into metrics: inout MetricCollection) {
        // Copies are one policy.
        metrics.collect(shared) { metrics in
            metrics.add(Timeout.Families.abandoned, [policy.name], abandoned)
            metrics.add(Timeout.Families.abandonedRunning, [policy.name], abandonedRunning)
        }
        metrics.collect(policy)
    }
}
