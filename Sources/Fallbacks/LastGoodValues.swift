public import ResilienceCore

/// How long, and for how many keys, last good values are kept.
@usableFromInline
struct LastGoodRetention: Sendable, Equatable {
    @usableFromInline let maxAge: Duration
    @usableFromInline let maxKeys: Int
}

/// When a read began: by the clock, and as a number by which reads and forgetting come one after another, for many may
/// begin at one moment.
@usableFromInline
struct ReadStart: Sendable {
    @usableFromInline let number: UInt64
    @usableFromInline let instant: TimeSource.Instant

    @inlinable
    init(number: UInt64, instant: TimeSource.Instant) {
        self.number = number
        self.instant = instant
    }

    /// How long ago it began; or how far ahead of now, because then the clock was wrong, or is: a value of such a read
    /// is as good as one that is as old.
    @inlinable
    func age(at now: TimeSource.Instant) -> Duration {
        let age = instant.duration(to: now)
        return age < .zero ? .zero - age : age
    }
}

/// How often the refresh of a value has failed in a row, and when the next may begin.
@usableFromInline
struct RefreshSpacing {
    let failures: Int
    @usableFromInline let since: TimeSource.Instant
    @usableFromInline let until: TimeSource.Instant
}

/// The last good value of each key, the one renewed longest ago first. A pure value.
///
/// A value is as old as the start of the read that brought it: an older read never replaces a newer one, and one that
/// began before its key was forgotten brings nothing.
///
/// A linked list in an array of slots, which are reused: memory grows with the keys that are kept at once, and each
/// operation takes constant time. No more than two values that are too old for every step are dropped with each one
/// kept.
@usableFromInline
struct LastGoodValues<Key: Hashable, Value> {
    /// A value that is kept, or was. What is dropped is handed out as a whole, because the key is the user's as well.
    @usableFromInline typealias Entry = (key: Key, value: Value, start: ReadStart)

    @usableFromInline
    struct Slot {
        @usableFromInline var entry: Entry?
        @usableFromInline var older: Int?
        @usableFromInline var newer: Int?
        @usableFromInline var spacing: RefreshSpacing?

        @inlinable
        init() {}
    }

    /// What was replaced or dropped, to be released outside of locks.
    @usableFromInline
    struct Dropped {
        @usableFromInline var replaced: Value?
        @usableFromInline var entries: (Entry?, Entry?) = (nil, nil)
        /// Whether the value was not kept: a newer read has brought another, or its key was forgotten since it began.
        @usableFromInline var isRefused = false

        @inlinable
        init() {}
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [Int] = []
    @usableFromInline var index: [Key: Int] = [:]
    @usableFromInline var oldest: Int?
    @usableFromInline var newest: Int?
    /// When keys were forgotten, by their hash values: keys are the user's, and not kept longer than their values.
    @usableFromInline var forgotten: [Int: UInt64] = [:]
    /// Reads that began no later than this bring nothing.
    @usableFromInline var floor: UInt64 = 0

    init() {}

    /// For how many keys it is remembered when they were forgotten. Beyond, it is as if all had been, for reads that
    /// run.
    static var maxForgotten: Int { 1_024 }

    /// How many values are kept.
    @inlinable var count: Int { index.count }

    /// Where the value of a key is. Calls often ask for the one renewed last, which is found without a hash.
    @inlinable
    func slot(of key: Key) -> Int? {
        if let newest, slots[newest].entry?.key == key { return newest }
        return index[key]
    }

    /// Keeps the value of a read, unless that is too old.
    @inlinable
    mutating func remember(
        _ value: Value, for key: Key, readAt start: ReadStart, at now: TimeSource.Instant,
        _ retention: LastGoodRetention
    ) -> Dropped {
        var dropped = Dropped()
        guard start.number > floor, forgotten.isEmpty || !isForgotten(key, since: start) else {
            dropped.isRefused = true
            return dropped
        }
        if let slot = slot(of: key) {
            guard let entry = slots[slot].entry, entry.start.number < start.number else {
                dropped.isRefused = true
                return dropped
            }
            dropped.replaced = entry.value
            unlink(slot)
            // With the key that was there: it is the one that the index holds, and neither is released here.
            slots[slot].entry = (entry.key, value, start)
            slots[slot].spacing = nil
            link(slot)
        } else {
            let slot = free.popLast() ?? slots.count
            if slot == slots.count { slots.append(Slot()) }
            slots[slot].entry = (key, value, start)
            index[key] = slot
            link(slot)
        }
        dropped.entries.0 = dropOldest(now, retention)
        dropped.entries.1 = dropOldest(now, retention)
        return dropped
    }

    /// The value of a key, its age, which is zero for one that is ahead of now, and the age that it counts as.
    @inlinable
    func recall(_ key: Key, at now: TimeSource.Instant) -> (value: Value, age: Duration, countedAge: Duration)? {
        guard let slot = slot(of: key), let entry = slots[slot].entry else { return nil }
        return (entry.value, max(.zero, entry.start.instant.duration(to: now)), entry.start.age(at: now))
    }

    @usableFromInline
    func isForgotten(_ key: Key, since start: ReadStart) -> Bool {
        forgotten[key.hashValue].map { $0 > start.number } ?? false
    }

    /// Removes the value of a key. Reads of it that began before bring nothing.
    mutating func forget(_ key: Key, at number: UInt64) -> Entry? {
        if forgotten.count < Self.maxForgotten {
            forgotten[key.hashValue] = number
        } else {
            forgotten = [:]
            floor = number
        }
        guard let slot = slot(of: key) else { return nil }
        return remove(slot: slot)
    }

    /// Removes all values, and returns them. Reads that began before bring nothing.
    mutating func forgetAll(at number: UInt64) -> Self {
        let old = self
        self = Self()
        floor = number
        return old
    }

    /// Whether a refresh of a key may begin by now.
    @inlinable
    func mayRefresh(_ key: Key, at now: TimeSource.Instant) -> Bool {
        guard let slot = slot(of: key), let spacing = slots[slot].spacing else { return true }
        // Neither too soon, nor after a failure at a moment that has not come: the clock was wrong then.
        return now >= spacing.until || now.duration(to: spacing.since) > spacing.since.duration(to: spacing.until)
    }

    /// Notes that a refresh has failed: the next may begin after a time that depends on how many have in a row.
    mutating func noteFailure(_ key: Key, at now: TimeSource.Instant, wait: (_ failures: Int) -> Duration) {
        guard let slot = slot(of: key) else { return }
        let failures = (slots[slot].spacing?.failures ?? 0).addingSaturated(1)
        slots[slot].spacing = RefreshSpacing(
            failures: failures, since: now, until: now.advanced(by: wait(failures)))
    }

    /// Removes the oldest values until there are no more than so many, and returns them.
    mutating func trim(to maxKeys: Int) -> [Entry] {
        var removed: [Entry] = []
        while count > maxKeys, let oldest, let entry = remove(slot: oldest) { removed.append(entry) }
        return removed
    }

    /// Drops the oldest value if there are too many, or if it is too old for every step.
    @inlinable
    mutating func dropOldest(_ now: TimeSource.Instant, _ retention: LastGoodRetention) -> Entry? {
        guard let oldest, let start = slots[oldest].entry?.start else { return nil }
        guard count > retention.maxKeys || start.age(at: now) > retention.maxAge else { return nil }
        return remove(slot: oldest)
    }

    @inlinable
    mutating func remove(slot: Int) -> Entry? {
        unlink(slot)
        defer {
            slots[slot].entry = nil
            slots[slot].spacing = nil
            free.append(slot)
        }
        guard let entry = slots[slot].entry else { return nil }
        index[entry.key] = nil
        return entry
    }

    /// Links a slot in as the one renewed last, whenever its read began.
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

extension LastGoodValues.Dropped: Sendable where Key: Sendable, Value: Sendable {}
