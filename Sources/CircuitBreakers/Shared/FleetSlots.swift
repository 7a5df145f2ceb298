internal import ResilienceCore

/// What a node has counted in the window, in tenths of it, and what of that the store does not know.
///
/// Counts are read from the breaker's totals, at ticks: a call is in the slot in which it was read, which is a tick too
/// late at most.
struct FleetSlots: Sendable {
    private struct Slot: Sendable {
        let number: Int64
        let start: TimeSource.Instant
        var counts = SharedCounts()
        /// Whether something was counted that the store was not told.
        var isNew = true
        /// Whether the store may have forgotten it.
        var mustResend = false
    }

    var window: Duration
    private var slots: [Slot] = []
    private var lastNumber: Int64 = 0
    private var totals: CircuitBreaker.Totals
    /// Whether what is counted from now on belongs to a slot of its own.
    private var isCut = true

    init(_ rule: SharedCircuitRule, _ totals: CircuitBreaker.Totals) {
        window = rule.window
        self.totals = totals
    }

    /// Takes in what has been counted since it was last asked, and forgets what is older than the window.
    mutating func take(_ new: CircuitBreaker.Totals, now: TimeSource.Instant) {
        slots.removeAll { $0.start.advanced(by: window) <= now }
        let failures = max(0, new.failed - totals.failed)
        let calls = max(0, new.succeeded - totals.succeeded).addingSaturated(failures)
        let slow = max(0, new.slow - totals.slow)
        // Of two that read the totals at once the one that read them first may come last.
        totals.succeeded = max(totals.succeeded, new.succeeded)
        totals.failed = max(totals.failed, new.failed)
        totals.slow = max(totals.slow, new.slow)
        guard calls > 0 else { return }
        if isCut || slots.isEmpty || slots[slots.count - 1].start.advanced(by: window / 10) <= now {
            lastNumber += 1
            slots.append(Slot(number: lastNumber, start: now))
            isCut = false
        }
        let last = slots.count - 1
        slots[last].counts.calls = slots[last].counts.calls.addingSaturated(calls)
        slots[last].counts.failures = slots[last].counts.failures.addingSaturated(failures)
        slots[last].counts.slow = slots[last].counts.slow.addingSaturated(slow)
        slots[last].isNew = true
    }

    /// The circuit has closed, or was opened and closed meanwhile: counting starts over.
    ///
    /// - Parameter forgetting: Whether what was counted before is of no use any more.
    mutating func begin(forgetting: Bool) {
        if forgetting { slots = [] }
        isCut = true
    }

    var hasNews: Bool { slots.contains { $0.isNew } }
    var mustResend: Bool { slots.contains { $0.mustResend } }

    func report(now: TimeSource.Instant) -> [CircuitReport.Slot] {
        slots.filter { $0.isNew || $0.mustResend }.map {
            CircuitReport.Slot(number: $0.number, age: $0.start.duration(to: now), counts: $0.counts)
        }
    }

    /// The store knows what was reported; something may have been counted since.
    mutating func acknowledge(_ reported: [CircuitReport.Slot]) {
        for slot in reported {
            guard let index = slots.firstIndex(where: { $0.number == slot.number }) else { continue }
            slots[index].mustResend = false
            if slots[index].counts == slot.counts { slots[index].isNew = false }
        }
    }

    /// The store may have forgotten everything but what it was told just now.
    mutating func resendAll(but known: [CircuitReport.Slot] = []) {
        for index in slots.indices where !known.contains(where: { $0.number == slots[index].number }) {
            slots[index].mustResend = true
        }
    }

    /// Whether this node by itself sees the service fail.
    func isWitness(_ rule: SharedCircuitRule) -> Bool {
        var sum = SharedCircuitRecord.Sum()
        for slot in slots {
            sum.calls += Int64(slot.counts.calls)
            sum.failures += Int64(slot.counts.failures)
            sum.slow += Int64(slot.counts.slow)
        }
        return sum.calls > 0 && SharedCircuitTally.isWitness(sum, rule.parts)
    }
}
