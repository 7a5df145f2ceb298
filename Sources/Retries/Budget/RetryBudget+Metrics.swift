public import ResilienceCore

extension RetryBudget {
    /// What this budget measures, under a name: a budget has none of its own. Under several names it is shown as the
    /// first.
    public func metrics(named name: String) -> some MetricSource { Metrics(budget: self, name: name) }

    private struct Metrics: MetricSource {
        let budget: RetryBudget
        let name: String

        func collect(into metrics: inout MetricCollection) {
            metrics.collect(budget) { metrics in
                metrics.add(Families.tokens, [name], budget.balance)
                metrics.add(Families.withdrawals, [name, "granted"], budget.totals.granted)
                metrics.add(Families.withdrawals, [name, "refused"], budget.totals.refused)
            }
        }
    }

    private enum Families {
        static let tokens = MetricFamily(
            "resilience.retry_budget.tokens", .gauge, labels: ["name"], help: "Tokens of a retry budget.")
        static let withdrawals = MetricFamily(
            "resilience.retry_budget.withdrawals", .counter, labels: ["name", "kind"],
            help: "Further attempts that were asked for at a retry budget.")
    }
}
