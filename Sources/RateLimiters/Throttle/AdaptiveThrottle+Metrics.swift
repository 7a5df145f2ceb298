public import ResilienceCore

extension AdaptiveThrottle {
    /// Adds the totals, the calls of the window and the probability of a rejection, as they are now.
    public func collect(into metrics: inout MetricCollection) {
        let reading = current { Reading($0) }
        metrics.add(Families.calls, [name, "accepted"], reading.totals.accepted)
        metrics.add(Families.calls, [name, "refused"], reading.totals.refused)
        metrics.add(Families.calls, [name, "ignored"], reading.totals.ignored)
        metrics.add(Families.calls, [name, "cancelled"], reading.totals.cancelled)
        metrics.add(Families.calls, [name, "rejected"], reading.totals.rejected)
        metrics.add(Families.probability, [name], reading.probability)
        metrics.add(Families.requests, [name], reading.requests)
        metrics.add(Families.accepts, [name], reading.accepts)
    }

    /// What is read in one step, so that it belongs together.
    private struct Reading: Sendable {
        let totals: Totals
        let probability: Double
        let requests: Int
        let accepts: Int

        init(_ state: AdaptiveThrottleState) {
            totals = state.totals
            probability = state.rejectionProbability
            requests = state.requests
            accepts = state.accepts
        }
    }

    /// What a throttle measures. The first label is the throttle's name.
    enum Families {
        static let calls = MetricFamily(
            "resilience.adaptive_throttle.calls", .counter, labels: ["name", "kind"],
            help: "Calls that an adaptive throttle has seen end, or rejected.")
        static let probability = MetricFamily(
            "resilience.adaptive_throttle.rejection_probability", .gauge, labels: ["name"], combination: .largest,
            help: "The probability with which an adaptive throttle rejects the next call, 0 to 1.")
        static let requests = MetricFamily(
            "resilience.adaptive_throttle.requests", .gauge, labels: ["name"],
            help: "Calls in the window of an adaptive throttle, those that it rejected included.")
        static let accepts = MetricFamily(
            "resilience.adaptive_throttle.accepts", .gauge, labels: ["name"],
            help: "Calls in the window of an adaptive throttle that the service accepted.")
    }
}
