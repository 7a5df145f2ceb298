/// The calls of about the last second, in slots of which the oldest is forgotten as a whole.
struct RecentActivity: Sendable {
    struct Summary {
        var callsPerSecond = 0.0
        var sentPerSecond = 0.0
        var succeededPerSecond = 0.0
        var stalePerSecond = 0.0
        var failedPerSecond = 0.0
        var oldestAnswer: Duration?
        var latencies = LatencyHistogram()
    }

    private struct Slot {
        let number: Int64
        var calls = 0
        var sent = 0
        var succeeded = 0
        var stale = 0
        var failed = 0
        var oldestAnswer: Duration?
        var latencies = LatencyHistogram()
    }

    private static let slotLength = Duration.milliseconds(100)
    private static let slotCount: Int64 = 10

    /// In order; only those that something happened in.
    private var slots: [Slot] = []

    mutating func countCall(at moment: Duration) {
        update(moment) { $0.calls += 1 }
    }

    mutating func countSent(at moment: Duration) {
        update(moment) { $0.sent += 1 }
    }

    mutating func countEnd(_ record: CallRecord, at moment: Duration) {
        update(moment) { slot in
            switch record.outcome {
            case .succeeded: slot.succeeded += 1
            case .stale: slot.stale += 1
            case .failed, .rejected: slot.failed += 1
            }
            if let age = record.age { slot.oldestAnswer = max(age, slot.oldestAnswer ?? age) }
        }
    }

    mutating func record(_ latency: Duration, at moment: Duration) {
        update(moment) { $0.latencies.record(latency) }
    }

    /// Rates are over the whole slots of the last second, or over what there is of it shortly after the start.
    func summary(at moment: Duration) -> Summary {
        let current = Self.slot(moment)
        var summary = Summary()
        for slot in slots where slot.number >= current - Self.slotCount && slot.number <= current {
            summary.latencies.add(slot.latencies)
            if let age = slot.oldestAnswer { summary.oldestAnswer = max(age, summary.oldestAnswer ?? age) }
            guard slot.number < current else { continue }
            summary.callsPerSecond += Double(slot.calls)
            summary.sentPerSecond += Double(slot.sent)
            summary.succeededPerSecond += Double(slot.succeeded)
            summary.stalePerSecond += Double(slot.stale)
            summary.failedPerSecond += Double(slot.failed)
        }
        let seconds = (Self.slotLength * Int(min(max(current, 1), Self.slotCount))).seconds
        summary.callsPerSecond /= seconds
        summary.sentPerSecond /= seconds
        summary.succeededPerSecond /= seconds
        summary.stalePerSecond /= seconds
        summary.failedPerSecond /= seconds
        return summary
    }

    private mutating func update(_ moment: Duration, _ change: (inout Slot) -> Void) {
        let number = Self.slot(moment)
        slots.removeAll { $0.number < number - Self.slotCount }
        // Callers on different threads may be a slot behind one another.
        if let index = slots.lastIndex(where: { $0.number == number }) {
            change(&slots[index])
        } else {
            slots.append(Slot(number: number))
            change(&slots[slots.count - 1])
        }
    }

    private static func slot(_ moment: Duration) -> Int64 {
        moment.microseconds / slotLength.microseconds
    }
}
