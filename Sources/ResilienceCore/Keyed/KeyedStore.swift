/// Values by key, in little memory: what one shard of a ``KeyedTable`` holds.
///
/// The entries stand one after another, so that a sweep over them is a walk through memory; a table of slots, probed
/// linearly, says where each stands. A slot is one word: 32 bits of the key's hash and the place of the entry. Both
/// grow by half, without hashing a key again. Removing shifts slots back, so that there are no tombstones. A pure
/// value.
@usableFromInline
package struct KeyedStore<Key: Hashable, Value> {
    /// A key and its value.
    @usableFromInline
    package struct Entry {
        @usableFromInline package let key: Key
        @usableFromInline package var value: Value

        @inlinable
        init(key: Key, value: Value) {
            self.key = key
            self.value = value
        }
    }

    @usableFromInline var entries: [Entry] = []
    /// The part of each entry's hash that its slot holds, so that the slot is found again without the key.
    @usableFromInline var hashes: [UInt32] = []
    /// The hash in the upper half, the place of the entry plus one in the lower; 0 where a slot is free.
    @usableFromInline var slots: [UInt64] = []
    /// How many entries there is room for.
    @usableFromInline var capacity = 0

    /// Creates an empty store, which takes no memory.
    @inlinable
    package init() {}

    /// How many entries there are.
    @inlinable package var count: Int { entries.count }

    /// The value of the entry at a place, 0 to ``count``.
    @inlinable
    package subscript(place: Int) -> Value {
        _read { yield entries[place].value }
        _modify { yield &entries[place].value }
    }

    /// The key of the entry at a place.
    @inlinable
    package func key(at place: Int) -> Key { entries[place].key }

    /// Where a key's entry stands, until the next insertion or removal.
    @inlinable
    package func find(_ key: Key, hash: UInt32) -> Int? {
        guard !entries.isEmpty else { return nil }
        var slot = home(hash)
        while true {
            let word = slots[slot]
            if word == 0 { return nil }
            if UInt32(truncatingIfNeeded: word >> 32) == hash {
                let place = Self.place(word)
                if entries[place].key == key { return place }
            }
            slot = next(slot)
        }
    }

    /// Adds an entry for a key that has none.
    @inlinable
    package mutating func insert(_ key: Key, hash: UInt32, _ value: Value) {
        // The place has to fit into half a slot.
        if entries.count == capacity { resize(to: max(8, capacity + capacity / 2)) }
        entries.append(Entry(key: key, value: value))
        hashes.append(hash)
        occupy(hash, place: entries.count - 1)
    }

    /// Removes the entry at a place, which the last entry then takes.
    @inlinable
    @discardableResult
    package mutating func remove(at place: Int) -> Entry {
        free(slot(of: place))
        let last = entries.count - 1
        if place != last {
            slots[slot(of: last)] = Self.word(hashes[last], place)
            entries.swapAt(place, last)
            hashes[place] = hashes[last]
        }
        hashes.removeLast()
        let removed = entries.removeLast()
        if capacity > 64, entries.count < capacity / 4 { resize(to: entries.count * 2) }
        return removed
    }

    // MARK: Slots

    /// The slot a hash begins its search at: its share of the slots, which need not be a power of two.
    @inlinable
    func home(_ hash: UInt32) -> Int {
        Int(truncatingIfNeeded: (UInt64(hash) &* UInt64(truncatingIfNeeded: slots.count)) >> 32)
    }

    @inlinable
    func next(_ slot: Int) -> Int {
        slot &+ 1 == slots.count ? 0 : slot &+ 1
    }

    @inlinable
    static func word(_ hash: UInt32, _ place: Int) -> UInt64 {
        UInt64(hash) << 32 | UInt64(truncatingIfNeeded: place &+ 1)
    }

    @inlinable
    static func place(_ word: UInt64) -> Int {
        Int(truncatingIfNeeded: word & 0xFFFF_FFFF) &- 1
    }

    /// Takes the first free slot from a hash's home on.
    @inlinable
    mutating func occupy(_ hash: UInt32, place: Int) {
        var slot = home(hash)
        while slots[slot] != 0 { slot = next(slot) }
        slots[slot] = Self.word(hash, place)
    }

    /// The slot that says where an entry stands.
    @inlinable
    func slot(of place: Int) -> Int {
        let word = Self.word(hashes[place], place)
        var slot = home(hashes[place])
        while slots[slot] != word { slot = next(slot) }
        return slot
    }

    /// Empties a slot, and moves into it what stands later only because it was taken (Knuth, The Art of Computer
    /// Programming, volume 3, section 6.4, algorithm R).
    @inlinable
    mutating func free(_ slot: Int) {
        var hole = slot
        var candidate = next(slot)
        while slots[candidate] != 0 {
            let wanted = home(UInt32(truncatingIfNeeded: slots[candidate] >> 32))
            // Whether the candidate's home lies behind the hole, going round from the hole to the candidate.
            let staysPut =
                hole <= candidate ? (hole < wanted && wanted <= candidate) : (hole < wanted || wanted <= candidate)
            if !staysPut {
                slots[hole] = slots[candidate]
                hole = candidate
            }
            candidate = next(candidate)
        }
        slots[hole] = 0
    }

    /// Makes room for so many entries, with a quarter more slots.
    @usableFromInline
    mutating func resize(to capacity: Int) {
        self.capacity = capacity
        var entries: [Entry] = []
        entries.reserveCapacity(capacity)
        entries.append(contentsOf: self.entries)
        self.entries = entries
        var hashes: [UInt32] = []
        hashes.reserveCapacity(capacity)
        hashes.append(contentsOf: self.hashes)
        self.hashes = hashes
        slots = Array(repeating: 0, count: capacity + capacity / 4)
        for place in hashes.indices { occupy(hashes[place], place: place) }
    }
}

extension KeyedStore: Sendable where Key: Sendable, Value: Sendable {}
extension KeyedStore.Entry: Sendable where Key: Sendable, Value: Sendable {}
