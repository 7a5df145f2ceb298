public import Synchronization

/// What a ``KeyedTable`` holds for each key: the state of a limiter, or a policy of the key's own.
@usableFromInline
package protocol KeyedValue: Sendable {
    /// What the values of one shard share: their rule, and what is counted under the shard's lock.
    associatedtype Common: Sendable

    /// Whether forgetting the value loses nothing: it equals a new one, now and from now on.
    func isForgettable(at now: TimeSource.Instant, _ common: Common) -> Bool

    /// How much forgetting the value would lose, to be compared with the others'; `nil` while it is in use and must not
    /// be forgotten.
    func loss(at now: TimeSource.Instant, _ common: Common) -> Int64?
}

/// Values by key for any number of tasks at once: bounded, without a lock that all keys share, and forgetting keys that
/// have nothing left to remember.
///
/// The keys are spread over shards, each with its own lock and ``KeyedStore``. A value that equals a new one is not
/// kept: it is never inserted, or removed by sweeps of a few entries at a time, which are part of asking. When there
/// are as many keys as allowed and none to forget, a new one takes the place of the one whose loss is the least among
/// those looked at, or is refused.
///
/// A key's `==` runs under the lock of its shard; its `hash(into:)` and its release run outside.
@usableFromInline
package final class KeyedTable<Key: Hashable & Sendable, Value: KeyedValue>: Sendable {
    @usableFromInline package typealias Entry = KeyedStore<Key, Value>.Entry
    @usableFromInline package typealias Instant = TimeSource.Instant

    /// Entries that were taken out of a shard, to be released outside its lock: what a key owns is the user's. An ask
    /// takes out two at most, nearly always, and then needs no allocation.
    @usableFromInline
    struct Removed: Sendable {
        @usableFromInline var first: Entry?
        @usableFromInline var second: Entry?
        @usableFromInline var others: [Entry] = []

        @inlinable
        init() {}

        @inlinable
        mutating func append(_ entry: Entry) {
            if first == nil {
                first = entry
            } else if second == nil {
                second = entry
            } else {
                others.append(entry)
            }
        }
    }

    @usableFromInline
    struct State: Sendable {
        @usableFromInline var store = KeyedStore<Key, Value>()
        @usableFromInline var common: Value.Common
        /// Where the next sweep goes on.
        @usableFromInline var hand = 0
        /// Where the next search for one to give way goes on.
        @usableFromInline var searchHand = 0
        @usableFromInline var asks: UInt32 = 0

        init(_ common: Value.Common) {
            self.common = common
        }

        /// Removes what can be forgotten among the next entries, and returns how many there were.
        @inlinable
        @discardableResult
        mutating func sweep(_ steps: Int, now: Instant, into removed: inout Removed) -> Int {
            let before = store.count
            for _ in 0..<min(steps, before) {
                if hand >= store.count { hand = 0 }
                if store[hand].isForgettable(at: now, common) {
                    removed.append(store.remove(at: hand))
                } else {
                    hand &+= 1
                }
            }
            return before - store.count
        }

        /// Where the entry stands that is the least loss, among the next ones; `nil` if all are in use.
        @inlinable
        mutating func candidate(_ steps: Int, now: Instant) -> Int? {
            var best: (place: Int, loss: Int64)?
            for _ in 0..<min(steps, store.count) {
                if searchHand >= store.count { searchHand = 0 }
                if let loss = store[searchHand].loss(at: now, common), best.map({ loss < $0.loss }) ?? true {
                    best = (searchHand, loss)
                }
                searchHand &+= 1
            }
            return best?.place
        }
    }

    @usableFromInline
    final class Shard: Sendable {
        @usableFromInline let state: Lock<State>

        init(_ common: Value.Common) {
            state = Lock(State(common))
        }
    }

    /// What became of an ask.
    @usableFromInline
    package enum Answer<Result: Sendable>: Sendable {
        /// It was answered. If the table was full, with the key that was forgotten for it though it had something to
        /// remember.
        case answered(Result, forgotten: Key?)
        /// The key is new and there is no place for it.
        case full
    }

    @usableFromInline
    enum Room: Sendable {
        case ifFree
        case afterSweep
        case byForgetting
    }

    @usableFromInline let shards: [Shard]
    /// Keys that are held or being added.
    @usableFromInline let places = Atomic<Int>(0)
    @usableFromInline let limit: Atomic<Int>
    /// The shard that the next sweep goes to.
    @usableFromInline let cursor = Atomic<Int>(0)
    /// Where a key is looked for that gives way, when that of a new one has none to give.
    let search = KeyedSearch()

    /// Entries looked at for each new key, for a new key where all places are taken, and every so many asks.
    @inlinable static var stepsPerInsertion: Int { 4 }
    @inlinable static var stepsWhenFull: Int { 32 }
    @inlinable static var asksPerSweep: UInt32 { 32 }

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - limit: The most keys it holds, at least 1.
    ///   - common: What the values of each shard share at first.
    package init(limit: Int, _ common: Value.Common) {
        self.limit = Atomic(limit)
        // As many that a shard's growth is short, yet not so many that small tables are all shards.
        var number = 1
        while number < 1024, number * 4096 < limit || (number < 32 && number * 64 < limit) { number *= 2 }
        shards = (0..<number).map { _ in Shard(common) }
    }

    /// How many keys are held, also those that could be forgotten and have not been looked at since.
    @inlinable package var count: Int { places.load(ordering: .relaxed) }

    @inlinable
    func shard(_ hash: Int) -> Shard {
        // The lower half of the hash belongs to the slots.
        shards[Int(truncatingIfNeeded: UInt64(truncatingIfNeeded: hash) >> 32) & (shards.count &- 1)]
    }

    // MARK: Asking

    /// Runs `body` on a key's value, under the lock of its shard; a key that has none gets a new one.
    ///
    /// - Parameters:
    ///   - replaces: Whether, if the table is full, another key may be forgotten for this one.
    ///   - initial: Makes the value of a new key.
    ///   - body: Asks the value. Has no other effects: a new value may be dropped, because nothing of it has to be
    ///     remembered or there is no place for it.
    ///   - record: Counts the result, if it stands.
    @inlinable
    package func withValue<Result: Sendable>(
        for key: Key, now: Instant, replacing replaces: Bool, initial: (Value.Common) -> Value,
        _ body: (inout Value, Value.Common) -> Result, record: (Result, inout Value.Common) -> Void
    ) -> Answer<Result> {
        let hash = key.hashValue
        let shard = shard(hash)
        let short = UInt32(truncatingIfNeeded: hash)
        let (known, isSweepDue) = shard.state.withLock { state in
            state.asks &+= 1
            return (askKnownLocked(key, short, &state, body, record), state.asks % Self.asksPerSweep == 0)
        }
        if isSweepDue { sweepSomewhere(now) }
        return known ?? askNew(key, short, shard, now, replaces, initial, body, record)
    }

    /// Asks the value of a key that had none, for which there may be no place.
    ///
    /// Not inlined, so that the path of a key that is known stays short.
    @inlinable
    @inline(never)
    func askNew<Result: Sendable>(
        _ key: Key, _ hash: UInt32, _ shard: Shard, _ now: Instant, _ replaces: Bool,
        _ initial: (Value.Common) -> Value, _ body: (inout Value, Value.Common) -> Result,
        _ record: (Result, inout Value.Common) -> Void
    ) -> Answer<Result> {
        var removed = Removed()  // Released at the end, outside the lock.
        let first = shard.state.withLock { state in
            askKnownLocked(key, hash, &state, body, record)
                ?? askNewLocked(key, hash, &state, now, .ifFree, &removed, initial, body, record)
        }
        if case .answered = first { return first }
        // Full. Perhaps only of keys that have been idle since the last look.
        sweepSomewhere(now)
        let second = shard.state.withLock { state in
            let room: Room = replaces ? .byForgetting : .afterSweep
            return askKnownLocked(key, hash, &state, body, record)
                ?? askNewLocked(key, hash, &state, now, room, &removed, initial, body, record)
        }
        guard case .full = second, replaces, let victim = takeFromOthers(now) else { return second }
        // What has given way elsewhere has made a place, if no other key has taken it meanwhile.
        let third = shard.state.withLock { state in
            askKnownLocked(key, hash, &state, body, record)
                ?? askNewLocked(key, hash, &state, now, .ifFree, &removed, initial, body, record)
        }
        if case .answered(let result, _) = third { return .answered(result, forgotten: victim.key) }
        return third
    }

    /// Forgets the least loss that is found in other shards, where that of a new key has none.
    @usableFromInline
    @inline(never)
    func takeFromOthers(_ now: Instant) -> Entry? {
        find(now) { state, place in
            release(1)
            return state.store.remove(at: place)
        }
    }

    /// Looks for a key that can give way, and runs `body` on it, under the lock of its shard. The next search begins
    /// with that shard.
    private func find<Result: Sendable>(_ now: Instant, _ body: (inout State, _ place: Int) -> Result) -> Result? {
        let isWide = search.begin(at: now)
        var steps = isWide ? KeyedSearch.stepsWide : KeyedSearch.steps
        for _ in 0..<min(shards.count, KeyedSearch.shards) where steps > 0 {
            let shard = search.cursor.load(ordering: .relaxed)
            let (found, looked) = shards[shard & (shards.count - 1)].state.withLock { state -> (Result?, Int) in
                let looks = min(steps, KeyedSearch.stepsOfShard, state.store.count)
                return (state.candidate(looks, now: now).map { body(&state, $0) }, looks)
            }
            if let found {
                if isWide { search.hasFound() }
                return found
            }
            search.cursor.wrappingAdd(1, ordering: .relaxed)
            // An empty shard takes a look, too.
            steps -= max(1, looked)
        }
        return nil
    }

    /// Asks the value of a key that has one; `nil` if it has none.
    @inlinable
    func askKnownLocked<Result: Sendable>(
        _ key: Key, _ hash: UInt32, _ state: inout State, _ body: (inout Value, Value.Common) -> Result,
        _ record: (Result, inout Value.Common) -> Void
    ) -> Answer<Result>? {
        guard let place = state.store.find(key, hash: hash) else { return nil }
        let result = body(&state.store[place], state.common)
        record(result, &state.common)
        return .answered(result, forgotten: nil)
    }

    /// Asks a new value, and keeps it if there is something to remember.
    @inlinable
    func askNewLocked<Result: Sendable>(
        _ key: Key, _ hash: UInt32, _ state: inout State, _ now: Instant, _ room: Room, _ removed: inout Removed,
        _ initial: (Value.Common) -> Value, _ body: (inout Value, Value.Common) -> Result,
        _ record: (Result, inout Value.Common) -> Void
    ) -> Answer<Result> {
        var value = initial(state.common)
        let result = body(&value, state.common)
        guard !value.isForgettable(at: now, state.common) else {
            record(result, &state.common)
            return .answered(result, forgotten: nil)
        }
        let steps = room == .ifFree ? Self.stepsPerInsertion : Self.stepsWhenFull
        release(state.sweep(steps, now: now, into: &removed))
        var forgotten: Key?
        if !takePlace() {
            guard room == .byForgetting, let place = state.candidate(Self.stepsWhenFull, now: now) else { return .full }
            let victim = state.store.remove(at: place)
            forgotten = victim.key
            removed.append(victim)
        }
        state.store.insert(key, hash: hash, value)
        record(result, &state.common)
        return .answered(result, forgotten: forgotten)
    }

    /// Runs `body` on a key's value, if it has one. Every so many asks also sweep, so that where only known keys are
    /// asked for, the idle ones are forgotten too.
    @inlinable
    package func withExistingValue<Result: Sendable>(
        for key: Key, now: Instant, _ body: (inout Value, inout Value.Common) -> Result
    ) -> Result? {
        let hash = key.hashValue
        let (result, isSweepDue) = shard(hash).state.withLock { state -> (Result?, Bool) in
            state.asks &+= 1
            let isSweepDue = state.asks % Self.asksPerSweep == 0
            guard let place = state.store.find(key, hash: UInt32(truncatingIfNeeded: hash)) else {
                return (nil, isSweepDue)
            }
            return (body(&state.store[place], &state.common), isSweepDue)
        }
        if isSweepDue { sweepSomewhere(now) }
        return result
    }

    /// Runs `body` on a key's value, if it has one.
    @inlinable
    package func withExistingValue<Result: Sendable>(
        for key: Key, _ body: (inout Value, inout Value.Common) -> Result
    ) -> Result? {
        let hash = key.hashValue
        return shard(hash).state.withLock { state in
            guard let place = state.store.find(key, hash: UInt32(truncatingIfNeeded: hash)) else { return nil }
            return body(&state.store[place], &state.common)
        }
    }

    /// Runs `body` on what the values of a key's shard share, and on the key's value if it has one.
    @inlinable
    package func read<Result: Sendable>(
        _ key: Key, _ body: (Value?, Value.Common) -> Result
    ) -> Result {
        let hash = key.hashValue
        return shard(hash).state.withLock { state in
            let place = state.store.find(key, hash: UInt32(truncatingIfNeeded: hash))
            return body(place.map { state.store[$0] }, state.common)
        }
    }

    /// Whether a new key would find a place, as far as is found out by looking at a part of the keys: one that is free,
    /// or that of a key that can be forgotten.
    ///
    /// Any number of keys that find none cost as much as looking at a few entries each; see ``KeyedSearch``.
    package func hasRoom(now: Instant) -> Bool {
        if count < limit.load(ordering: .relaxed) { return true }
        let found = find(now) { state, place -> Entry? in
            guard state.store[place].isForgettable(at: now, state.common) else {
                // The next search for a place looks here first.
                state.searchHand = place
                return nil
            }
            // Not kept until another key takes its place, which would count it as a loss.
            release(1)
            return state.store.remove(at: place)
        }
        return if case .some = found { true } else { false }
    }

    @inlinable
    func takePlace() -> Bool {
        var held = places.load(ordering: .relaxed)
        while held < limit.load(ordering: .relaxed) {
            let (exchanged, original) = places.weakCompareExchange(
                expected: held, desired: held &+ 1, ordering: .relaxed)
            if exchanged { return true }
            held = original
        }
        return false
    }

    @inlinable
    func release(_ number: Int) {
        if number > 0 { places.wrappingSubtract(number, ordering: .relaxed) }
    }

    /// Sweeps a few entries of the next shard, so that keys whose shard is not asked are forgotten, too.
    ///
    /// Inlinable, so that it is specialised: called generically, it cost more than all asks between two sweeps.
    @inlinable
    @inline(never)
    func sweepSomewhere(_ now: Instant) {
        let next = cursor.wrappingAdd(1, ordering: .relaxed).oldValue
        var removed = Removed()  // Released at the end, outside the lock.
        shards[next & (shards.count - 1)].state.withLock { state in
            release(state.sweep(Self.stepsWhenFull, now: now, into: &removed))
        }
    }

    // MARK: All keys

    /// Forgets every key that has nothing to remember, a shard at a time, and returns how many there were.
    @discardableResult
    package func removeForgettable(now: Instant) -> Int {
        var number = 0
        for shard in shards {
            var removed = Removed()  // Released at the end of the turn, outside the lock.
            number += shard.state.withLock { state in
                state.hand = 0
                let number = state.sweep(state.store.count, now: now, into: &removed)
                release(number)
                return number
            }
        }
        return number
    }

    /// Runs `body` on every shard's common part and values, each shard under its lock; returns the results.
    package func forEachShard<Result: Sendable>(
        _ body: (inout Value.Common, (_ change: (Key, inout Value) -> Void) -> Void) -> Result
    ) -> [Result] {
        shards.map { shard in
            shard.state.withLock { state in
                var common = state.common
                defer { state.common = common }
                return body(&common) { change in
                    for place in 0..<state.store.count {
                        change(state.store.key(at: place), &state.store[place])
                    }
                }
            }
        }
    }

    /// Sets the most keys to hold, and forgets those that are too many, those first whose loss is the least
    /// among the ones looked at; keys in use stay.
    ///
    /// - Parameter forgetting: Whether keys that have something to remember are forgotten, too.
    /// - Returns: How many of those there were.
    @discardableResult
    package func setLimit(_ limit: Int, now: Instant, forgetting: Bool) -> Int {
        self.limit.store(limit, ordering: .relaxed)
        guard count > limit else { return 0 }
        removeForgettable(now: now)
        var forgotten = 0
        var progress = forgetting
        while progress, count > limit {
            progress = false
            for shard in shards where count > limit {
                let victim = shard.state.withLock { state -> Entry? in
                    guard let place = state.candidate(Self.stepsWhenFull, now: now) else { return nil }
                    release(1)
                    return state.store.remove(at: place)
                }
                if victim != nil {
                    progress = true
                    forgotten += 1
                }
            }
        }
        return forgotten
    }
}
