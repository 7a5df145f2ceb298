public import ResilienceCore

extension Hedge: MetricSource {
    /// Adds the totals.
    public func collect(into metrics: inout MetricCollection) {
        let totals = totals
        metrics.add(Families.calls, [name, "primary"], totals.primaryWins)
        metrics.add(Families.calls, [name, "hedge"], totals.hedgeWins)
        metrics.add(Families.calls, [name, "failed"], totals.failed)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        metrics.add(Families.attempts, [name, "delay"], totals.startedByDelay)
        metrics.add(Families.attempts, [name, "failure"], totals.startedByFailure)
        metrics.add(Families.refused, [name], totals.refusedByBudget)
        metrics.add(Families.lost, [name], totals.lost)
    }

    /// What a hedge measures. The first label is the hedge's name.
    private enum Families {
        static let calls = MetricFamily(
            "resilience.hedge.calls", .counter, labels: ["name", "kind"],
            help: "Calls through a hedge, by the attempt that succeeded, or that none did.")
        static let attempts = MetricFamily(
            "resilience.hedge.hedges", .counter, labels: ["name", "trigger"],
            help: "Attempts that a hedge has started beside the primary.")
        static let refused = MetricFamily(
            "resilience.hedge.refused", .counter, labels: ["name"],
            help: "Hedges that were due but not started, because the budget was spent.")
        static let lost = MetricFamily(
            "resilience.hedge.lost", .counter, labels: ["name"],
            help: "Attempts that were cancelled because another had succeeded.")
    }
}

extension HedgedPolicy {
    /// Adds what the hedge and the policy inside measure.
    public func collect(into metrics: inout MetricCollection) {
        metrics.collect(hedge)
        metrics.collect(policy)
    }
}
