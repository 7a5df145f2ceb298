/// The calls of about the last second, in slots of which the oldest is forgotten as a whole.
struct RecentActivity: Sendable {
    struct Summary {
        var callsPerSecond = 0.0
        var sentPerSecond = 0.0
        var latencies = LatencyHistogram()
    }

    private struct Slot {
        let number: Int64
        var calls = 0
        var sent = 0
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

    mutating func record(_ latency: Duration, at moment: Duration) {
        update(moment) { $0.latencies.record(latency) }
    }

    /// Rates are over the whole slots of the last second, or over what there is of it shortly after the start.
    func summary(at moment: Duration) -> Summary {
        let current = Self.slot(moment)
        var summary = Summary()
        for slot in slots where slot.number >= current - Self.slotCount && slot.number <= current {
            summary.latencies.add(slot.latencies)
            guard slot.number < current else { continue }
            summary.callsPerSecond += Double(slot.calls)
            summary.sentPerSecond += Double(slot.sent)
        }
        let seconds = (Self.slotLength * Int(min(max(current, 1), Self.slotCount))).seconds
        summary.callsPerSecond /= seconds
        summary.sentPerSecond /= seconds
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
