public import ResilienceCore

/// How long, and for how many keys, last good values are kept.
@usableFromInline
struct LastGoodRetention: Sendable, Equatable {
    @usableFromInline let maxAge: Duration
    @usableFromInline let capacity: Int
}

/// The last good value of each key, the one renewed longest ago first. A pure value.
///
/// A linked list in an array of slots, which are reused: memory grows with the keys that are kept at once, and each
/// operation takes constant time. No more than two values that are too old for every step are dropped with each one kept.
@usableFromInline
struct LastGoodValues<Key: Hashable, Value> {
    /// A value that is kept, or was. What is dropped is handed out as a whole, for the key is the user's as well.
    @usableFromInline typealias Entry = (key: Key, value: Value, instant: TimeSource.Instant)

    @usableFromInline
    struct Slot {
        @usableFromInline var entry: Entry?
        @usableFromInline var older: Int?
        @usableFromInline var newer: Int?

        @inlinable
        init() {}
    }

    /// What was replaced or dropped, to be released outside of locks.
    @usableFromInline
    struct Dropped {
        @usableFromInline var replaced: Value?
        @usableFromInline var entries: (Entry?, Entry?) = (nil, nil)

        @inlinable
        init() {}
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [Int] = []
    @usableFromInline var index: [Key: Int] = [:]
    @usableFromInline var oldest: Int?
    @usableFromInline var newest: Int?

    init() {}

    /// How many values are kept.
    @inlinable var count: Int { index.count }

    /// Where the value of a key is. Calls often ask for the one renewed last, which is found without a hash.
    @inlinable
    func slot(of key: Key) -> Int? {
        if let newest, slots[newest].entry?.key == key { return newest }
        return index[key]
    }

    /// Keeps a value. One that is newer already stays.
    @inlinable
    mutating func remember(
        _ value: Value, for key: Key, at now: TimeSource.Instant, _ retention: LastGoodRetention
    ) -> Dropped {
        var dropped = Dropped()
        if let slot = slot(of: key) {
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
    @inlinable
    func recall(_ key: Key, at now: TimeSource.Instant) -> (value: Value, age: Duration)? {
        guard let slot = slot(of: key), let entry = slots[slot].entry else { return nil }
        return (entry.value, max(.zero, entry.instant.duration(to: now)))
    }

    mutating func remove(_ key: Key) -> Entry? {
        guard let slot = slot(of: key) else { return nil }
        return remove(slot: slot)
    }

    /// Removes the oldest values until there are no more than so many, and returns them.
    mutating func trim(to capacity: Int) -> [Entry] {
        var removed: [Entry] = []
        while count > capacity, let oldest, let entry = remove(slot: oldest) { removed.append(entry) }
        return removed
    }

    /// Drops the oldest value if there are too many, or if it is too old for every step.
    @inlinable
    mutating func dropOldest(_ now: TimeSource.Instant, _ retention: LastGoodRetention) -> Entry? {
        guard let oldest, let instant = slots[oldest].entry?.instant else { return nil }
        guard count > retention.capacity || instant.duration(to: now) > retention.maxAge else { return nil }
        return remove(slot: oldest)
    }

    @inlinable
    mutating func remove(slot: Int) -> Entry? {
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
    @inlinable
    mutating func link(_ slot: Int) {
        slots[slot].older = newest
        slots[slot].newer = nil
        if let newest { slots[newest].newer = slot } else { oldest = slot }
        newest = slot
    }

    @inlinable
    mutating func unlink(_ slot: Int) {
        let (older, newer) = (slots[slot].older, slots[slot].newer)
        if let older { slots[older].newer = newer } else { oldest = newer }
        if let newer { slots[newer].older = older } else { newest = older }
    }
}
