public import ResilienceCore

extension KeyedFallback: MetricSource {
    /// Adds the totals, those of each step, and how many calls run in it.
    public func collect(into metrics: inout MetricCollection) {
        if let record = currentChain.records.values.first { metrics.claim(record.durations) }
        let totals = totals
        metrics.add(FallbackFamilies.calls, [name, "succeeded"], totals.succeeded)
        metrics.add(FallbackFamilies.calls, [name, "served"], totals.served)
        metrics.add(FallbackFamilies.calls, [name, "exhausted"], totals.exhausted)
        metrics.add(FallbackFamilies.calls, [name, "unhandled"], totals.unhandled)
        metrics.add(FallbackFamilies.calls, [name, "cancelled"], totals.cancelled)
        for (step, numbers) in totals.steps.sorted(by: { $0.key < $1.key }) {
            metrics.add(FallbackFamilies.stepCalls, [name, step, "succeeded"], numbers.succeeded)
            metrics.add(FallbackFamilies.stepCalls, [name, step, "failed"], numbers.failed)
            metrics.add(FallbackFamilies.stepCalls, [name, step, "timed_out"], numbers.timedOut)
            metrics.add(FallbackFamilies.stepCalls, [name, step, "rejected"], numbers.rejected)
            metrics.add(FallbackFamilies.stepCalls, [name, step, "skipped"], numbers.skipped)
            metrics.add(FallbackFamilies.stepCalls, [name, step, "cancelled"], numbers.cancelled)
            metrics.add(FallbackFamilies.stepTime, [name, step], numbers.latency.total / .seconds(1))
            metrics.add(FallbackFamilies.stepRunning, [name, step], running(in: step))
        }
        metrics.add(FallbackFamilies.kept, [name], keptCount)
    }
}

extension KeyedFallbackPolicy {
    /// Adds what the fallback and the policy inside measure.
    public func collect(into metrics: inout MetricCollection) {
        metrics.collect(fallback)
        metrics.collect(policy)
    }
}

/// What a fallback measures. The first label is the fallback's name.
enum FallbackFamilies {
    static let calls = MetricFamily(
        "resilience.fallback.calls", .counter, labels: ["name", "kind"],
        help: "Calls of a fallback that have ended: succeeded without a step, served by one, or neither.")
    static let stepCalls = MetricFamily(
        "resilience.fallback.step_calls", .counter, labels: ["name", "step", "kind"],
        help: "Calls that came to a step of a fallback, by what became of them there.")
    static let stepTime = MetricFamily(
        "resilience.fallback.step_time", .counter, unit: "seconds", labels: ["name", "step"],
        help: "How long the actions of a step ran, together.")
    static let stepDuration = MetricFamily(
        "resilience.fallback.step_duration", .histogram, labels: ["name", "step"],
        help: "How long the actions of a step ran, whatever became of them.")
    static let stepRunning = MetricFamily(
        "resilience.fallback.step_running", .gauge, labels: ["name", "step"], help: "Calls that run in a step.")
    static let kept = MetricFamily(
        "resilience.fallback.kept_values", .gauge, labels: ["name"], help: "Last good values that are kept.")

    static func meterLayout(step: String) -> MeterPoint.Layout {
        MeterPoint.Layout(durations: stepDuration, kinds: [step], timedKinds: 1)
    }
}
