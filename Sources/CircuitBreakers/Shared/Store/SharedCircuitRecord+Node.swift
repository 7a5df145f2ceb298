internal import ResilienceCore

extension SharedCircuitRecord {
    /// Counts of several slots, which may be more than a word holds on a small machine.
    struct Sum: Sendable, Hashable {
        var calls: Int64 = 0
        var failures: Int64 = 0
        var slow: Int64 = 0
    }

    /// What one node has counted.
    struct Node: Sendable, Hashable {
        struct Slot: Sendable, Hashable {
            var start: Int64
            var counts: SharedCounts
        }

        private(set) var slots: [Int64: Slot] = [:]
        /// The sums of the slots.
        private(set) var sum = Sum()
        /// When the first of the slots began.
        private(set) var earliest = Int64.max
        /// The greatest number of a slot that was dropped.
        private(set) var floor = Int64.min
        var lastSeen = Int64.min

        mutating func merge(_ counts: SharedCounts, into number: Int64, startedAt start: Int64) {
            let counts = counts.bounded
            let known = slots[number]
            slots[number] = Slot(
                start: min(known?.start ?? start, start), counts: (known?.counts ?? SharedCounts()).merging(counts))
            while slots.count > SharedCircuitRecord.maxSlots, let oldest = slots.keys.min() { drop(oldest) }
            addUp()
        }

        /// The circuit has changed: what was counted is of no use any more.
        mutating func clear() {
            slots = [:]
            addUp()
        }

        /// Drops slots that began at a time or before.
        mutating func drop(upTo time: Int64) {
            for (number, slot) in slots where slot.start <= time { drop(number) }
            addUp()
        }

        private mutating func drop(_ number: Int64) {
            slots[number] = nil
            floor = max(floor, number)
        }

        private mutating func addUp() {
            sum = Sum()
            earliest = .max
            for slot in slots.values {
                sum.calls += Int64(slot.counts.calls)
                sum.failures += Int64(slot.counts.failures)
                sum.slow += Int64(slot.counts.slow)
                earliest = min(earliest, slot.start)
            }
        }
    }
}

extension SharedCounts {
    /// The greater of each count.
    func merging(_ other: SharedCounts) -> SharedCounts {
        SharedCounts(
            calls: max(calls, other.calls), failures: max(failures, other.failures), slow: max(slow, other.slow))
    }

    /// Without what cannot be: nothing is negative, there are no more failures or slow calls than calls, and at most
    /// ``SharedCircuitRecord/maxCount`` calls, to which the others are cut in proportion. Before anything is sent to a
    /// store that has no whole numbers of 64 bits.
    public var bounded: SharedCounts {
        let most = Int(SharedCircuitRecord.maxCount)
        let calls = max(0, calls)
        func share(_ part: Int) -> Int {
            let part = min(max(0, part), calls)
            guard calls > most else { return part }
            return Int(Int128(part) * Int128(most) / Int128(calls))
        }
        return SharedCounts(calls: min(calls, most), failures: share(failures), slow: share(slow))
    }
}
