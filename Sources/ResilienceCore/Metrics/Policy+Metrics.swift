extension Policy {
    /// Adds what the layers measure; calls and durations of the policy itself are measured by ``CallMetrics``.
    public func collect(into metrics: inout MetricCollection) {
        metrics.claim(meters)
        metrics.collect(strategy)
    }

    static let meterLayout = MeterPoint.Layout(
        calls: MetricFamily(
            "resilience.policy.calls", .counter, labels: ["name", "kind"],
            help: "Calls of a policy that have ended, by outcome."),
        durations: MetricFamily(
            "resilience.policy.call_duration", .histogram, labels: ["name", "kind"],
            help: "How long calls of a policy took that succeeded or failed."),
        kinds: ["succeeded", "failed", "cancelled", "rejected"], timedKinds: 2)
}

/// How a call of a policy ended; the raw value is the position in the layout of its meter.
enum CallOutcome: Int {
    case succeeded
    case failed
    case cancelled
    case rejected

    init(_ end: CallEnd) {
        switch end {
        case .failed, .expired: self = .failed
        case .rejected: self = .rejected
        case .cancelled: self = .cancelled
        }
    }
}
