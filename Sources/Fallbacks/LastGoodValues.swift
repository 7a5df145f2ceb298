internal import ResilienceCore

/// How long, and for how many keys, last good values are kept.
struct LastGoodRetention: Sendable, Equatable {
    let maxAge: Duration
    let capacity: Int
}

/// The last good value of each key, the one renewed longest ago first. A pure value.
///
/// A linked list in an array of slots, which are reused: memory grows with the keys that are kept at once, and each
/// operation takes constant time. No more than two values that are too old for every step are dropped with each one kept.
struct LastGoodValues<Key: Hashable, Value> {
    /// A value that is kept, or was. What is dropped is handed out as a whole, for the key is the user's as well.
    typealias Entry = (key: Key, value: Value, instant: TimeSource.Instant)

    private struct Slot {
        var entry: Entry?
        var older: Int?
        var newer: Int?
    }

    /// What was replaced or dropped, to be released outside of locks.
    struct Dropped {
        fileprivate(set) var replaced: Value?
        fileprivate(set) var entries: (Entry?, Entry?) = (nil, nil)
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    private var index: [Key: Int] = [:]
    private var oldest: Int?
    private var newest: Int?

    /// How many values are kept.
    var count: Int { index.count }

    /// Keeps a value. One that is newer already stays.
    mutating func remember(
        _ value: Value, for key: Key, at now: TimeSource.Instant, _ retention: LastGoodRetention
    ) -> Dropped {
        var dropped = Dropped()
        if let slot = index[key] {
            guard let entry = slots[slot].entry, entry.instant <= now else {
                dropped.replaced = value
                return dropped
            }
            dropped.replaced = entry.value
            unlink(slot)
            // With the key that was there: it is the one that the index holds, and neither is released here.
            slots[slot].entry = (entry.key, value, now)
            link(slot)
        } else {
            let slot = free.popLast() ?? slots.count
            if slot == slots.count { slots.append(Slot()) }
            slots[slot].entry = (key, value, now)
            index[key] = slot
            link(slot)
        }
        dropped.entries.0 = dropOldest(now, retention)
        dropped.entries.1 = dropOldest(now, retention)
        return dropped
    }

    /// The value of a key and its age.
    func recall(_ key: Key, at now: TimeSource.Instant) -> (value: Value, age: Duration)? {
        guard let slot = index[key], let entry = slots[slot].entry else { return nil }
        return (entry.value, max(.zero, entry.instant.duration(to: now)))
    }

    mutating func remove(_ key: Key) -> Entry? {
        guard let slot = index[key] else { return nil }
        return remove(slot: slot)
    }

    /// Removes the oldest values until there are no more than so many, and returns them.
    mutating func trim(to capacity: Int) -> [Entry] {
        var removed: [Entry] = []
        while count > capacity, let oldest, let entry = remove(slot: oldest) { removed.append(entry) }
        return removed
    }

    /// Drops the oldest value if there are too many, or if it is too old for every step.
    private mutating func dropOldest(_ now: TimeSource.Instant, _ retention: LastGoodRetention) -> Entry? {
        guard let oldest, let entry = slots[oldest].entry else { return nil }
        guard count > retention.capacity || entry.instant.duration(to: now) > retention.maxAge else { return nil }
        return remove(slot: oldest)
    }

    private mutating func remove(slot: Int) -> Entry? {
        unlink(slot)
        defer {
            slots[slot].entry = nil
            free.append(slot)
        }
        guard let entry = slots[slot].entry else { return nil }
        index[entry.key] = nil
        return entry
    }

    /// Links a slot in by its instant: nearly always as the newest.
    private mutating func link(_ slot: Int) {
        slots[slot].older = newest
        slots[slot].newer = nil
        if let newest { slots[newest].newer = slot } else { oldest = slot }
        newest = slot
    }

    private mutating func unlink(_ slot: Int) {
        let (older, newer) = (slots[slot].older, slots[slot].newer)
        if let older { slots[older].newer = newer } else { oldest = newer }
        if let newer { slots[newer].older = older } else { newest = older }
    }
}
