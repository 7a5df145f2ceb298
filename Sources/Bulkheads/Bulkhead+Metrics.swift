public import ResilienceCore

extension Bulkhead {
    /// Adds the slots, the queue, the totals, and what an adaptive limit has learned, as they are now.
    public func collect(into metrics: inout MetricCollection) {
        metrics.claim(waits)
        // Not with the gate guarded: that would send calls to the lock which are not in need of it.
        let reading = state.withLock { state in
            let gate = self.reading
            return Reading(
                limit: gate.limit, inUse: gate.inUse, queued: state.queued,
                capacity: state.configuration.queue.capacity, parts: state.partReadings)
        }
        let totals = totals
        metrics.add(Families.available, [name], max(0, reading.limit - reading.inUse))
        metrics.add(Families.maximum, [name], reading.limit)
        metrics.add(Families.waiting, [name], reading.queued)
        metrics.add(Families.queueCapacity, [name], reading.capacity)
        metrics.add(Families.calls, [name, "finished"], totals.finished)
        metrics.add(Families.calls, [name, "rejected"], totals.rejected)
        metrics.add(Families.calls, [name, "cancelled"], totals.cancelled)
        let full = totals.rejected - totals.displaced - totals.timedOut
        metrics.add(Families.rejected, [name, "full"], max(0, full))
        metrics.add(Families.rejected, [name, "displaced"], totals.displaced)
        metrics.add(Families.rejected, [name, "timed_out"], totals.timedOut)
        for part in reading.parts {
            metrics.add(Families.partitionInUse, [name, part.name], part.inUse)
            metrics.add(Families.partitionGuaranteed, [name, part.name], part.guaranteed)
            metrics.add(Families.partitionWaiting, [name, part.name], part.queued)
        }
        guard let learned = adaptiveLimit.withLock({ $0?.limit }) else { return }
        metrics.add(Families.adaptiveLimit, [name], reading.limit)
        metrics.add(Families.adaptiveInFlight, [name], reading.inUse)
        metrics.add(Families.adaptiveRoundTrip, [name], learned.baselineRoundTripTime.map { $0 / .seconds(1) })
    }

    private struct Reading: Sendable {
        let limit: Int
        let inUse: Int
        let queued: Int
        let capacity: Int
        let parts: [State.PartReading]
    }

    /// What a bulkhead measures. The first label is the bulkhead's name.
    enum Families {
        static let available = MetricFamily(
            "resilience.bulkhead.available_concurrent_calls", .gauge, labels: ["name"],
            help: "Slots of a bulkhead that are free.")
        static let maximum = MetricFamily(
            "resilience.bulkhead.max_allowed_concurrent_calls", .gauge, labels: ["name"],
            help: "How many calls a bulkhead lets run at once.")
        static let waiting = MetricFamily(
            "resilience.bulkhead.waiting", .gauge, labels: ["name"], help: "Calls that wait for a slot.")
        static let queueCapacity = MetricFamily(
            "resilience.bulkhead.queue_capacity", .gauge, labels: ["name"],
            help: "How many calls may wait for a slot at once.")
        static let waitDuration = MetricFamily(
            "resilience.bulkhead.wait_duration", .histogram, labels: ["name"],
            help: "How long calls waited for a slot that found none free, whatever became of them.")
        static let calls = MetricFamily(
            "resilience.bulkhead.calls", .counter, labels: ["name", "kind"],
            help: "Calls that a bulkhead let through and that have ended, that it rejected, or that left its queue.")
        static let rejected = MetricFamily(
            "resilience.bulkhead.rejected", .counter, labels: ["name", "cause"],
            help: "Calls that a bulkhead did not let through, by cause.")
        static let partitionInUse = MetricFamily(
            "resilience.bulkhead.partition_in_use", .gauge, labels: ["name", "partition"],
            help: "Slots that the calls of a partition hold.")
        static let partitionGuaranteed = MetricFamily(
            "resilience.bulkhead.partition_guaranteed", .gauge, labels: ["name", "partition"],
            help: "Slots that a partition's share comes to.")
        static let partitionWaiting = MetricFamily(
            "resilience.bulkhead.partition_waiting", .gauge, labels: ["name", "partition"],
            help: "Calls of a partition that wait for a slot.")
        static let adaptiveLimit = MetricFamily(
            "resilience.adaptive.limit", .gauge, labels: ["name"], help: "The limit that an algorithm has found.")
        static let adaptiveInFlight = MetricFamily(
            "resilience.adaptive.inflight", .gauge, labels: ["name"],
            help: "Calls that run under a limit that an algorithm has found.")
        static let adaptiveRoundTrip = MetricFamily(
            "resilience.adaptive.min_rtt", .gauge, unit: "seconds", labels: ["name"], combination: .largest,
            help: "The round-trip time that others are compared with; not a number where there is none.")

        static let meterLayout = MeterPoint.Layout(durations: waitDuration, timedKinds: 1)
    }
}
