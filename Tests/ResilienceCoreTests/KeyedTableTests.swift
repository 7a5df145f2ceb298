import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

/// A value that can be forgotten from an instant on.
private struct Note: KeyedValue {
    var number = 0
    var until: Int64 = 0

    func isForgettable(at now: TimeSource.Instant, _ common: Int) -> Bool { until <= now.nanoseconds }

    func loss(at now: TimeSource.Instant, _ common: Int) -> Int64? { until == .max ? nil : until }
}

/// A key with a hash of the test's choice.
private struct Colliding: Hashable, Sendable {
    let number: Int

    func hash(into hasher: inout Hasher) {}
}

private typealias Instant = TimeSource.Instant

extension KeyedTable where Value == Note {
    /// Adds one to a key's number and keeps it until an instant; the number, or `nil` if there is no place.
    @discardableResult
    fileprivate func add(_ key: Key, now: Int64, until: Int64, replacing: Bool = true) -> Int? {
        ask(key, now: now, until: until, replacing: replacing)?.number
    }

    fileprivate func ask(
        _ key: Key, now: Int64, until: Int64, replacing: Bool = true
    ) -> (number: Int, forgotten: Key?)? {
        let answer = withValue(
            for: key, now: Instant(nanoseconds: now), replacing: replacing, initial: { _ in Note() },
            { note, _ in
                note.number += 1
                note.until = max(note.until, until)
                return note.number
            }, record: { _, asks in asks += 1 })
        if case .answered(let number, let forgotten) = answer { return (number, forgotten) }
        return nil
    }

    fileprivate func number(_ key: Key) -> Int? { read(key) { note, _ in note?.number } }

    /// What was recorded, over all shards.
    fileprivate var recorded: Int { forEachShard { asks, _ in asks }.reduce(0, +) }

    /// The keys as the shards hold them.
    fileprivate var held: Int {
        forEachShard { _, change in
            var number = 0
            change { _, _ in number += 1 }
            return number
        }.reduce(0, +)
    }
}

@Suite("A table of values by key", .timeLimit(.minutes(30)))
struct KeyedTableTests {
    @Test("keeps a value until it can be forgotten, and not at that instant")
    func forgetting() {
        let table = KeyedTable<String, Note>(limit: 10, 0)
        table.add("a", now: 0, until: 5)
        #expect(table.removeForgettable(now: Instant(nanoseconds: 4)) == 0)
        #expect(table.number("a") == 1)
        #expect(table.removeForgettable(now: Instant(nanoseconds: 5)) == 1)
        #expect(table.number("a") == nil)
        #expect(table.count == 0)
    }

    @Test("does not keep what equals a new value")
    func nothingToRemember() {
        let table = KeyedTable<String, Note>(limit: 1, 0)
        table.add("a", now: 5, until: 5)
        #expect(table.count == 0 && table.held == 0 && table.recorded == 1)
        table.add("b", now: 5, until: 6)
        // Also when there is no place.
        #expect(table.add("c", now: 5, until: 5, replacing: false) == 1)
        #expect(table.count == 1)
    }

    @Test("takes the place of an idle key when it is full, without loss")
    func placeOfIdle() {
        let table = KeyedTable<Int, Note>(limit: 3, 0)
        for key in 1...3 { table.add(key, now: 0, until: key == 2 ? 5 : 100) }
        let answer = table.ask(4, now: 5, until: 100, replacing: false)
        #expect(answer?.number == 1 && answer?.forgotten == nil)
        #expect(table.number(2) == nil && table.number(1) == 1 && table.number(3) == 1)
        #expect(table.count == 3)
    }

    @Test("refuses a new key when it is full of keys in use, and counts nothing")
    func refusing() {
        let table = KeyedTable<Int, Note>(limit: 2, 0)
        table.add(1, now: 0, until: 10)
        table.add(2, now: 0, until: 10)
        #expect(table.add(3, now: 9, until: 20, replacing: false) == nil)
        #expect(table.add(1, now: 9, until: 20, replacing: false) == 2)
        #expect(table.recorded == 3 && table.count == 2)
        #expect(table.add(3, now: 10, until: 20, replacing: false) == 1)
    }

    @Test("forgets the key that is the least loss when it is full, but none that is in use")
    func replacing() {
        let table = KeyedTable<Int, Note>(limit: 3, 0)
        for (key, until) in [(1, 30), (2, 20), (3, Int64.max)] { table.add(key, now: 0, until: until) }
        #expect(table.ask(4, now: 0, until: .max)?.forgotten == 2)
        #expect(table.ask(5, now: 0, until: .max)?.forgotten == 1)
        #expect(table.add(6, now: 0, until: 1) == nil)
        #expect(table.count == 3 && table.held == 3)
    }

    @Test("of keys that have something to lose, the one that loses least gives way, in whatever order they came")
    func leastLoss() {
        forSeeds(0..<50) { seed, generator in
            let order = Array(1...12).shuffled(using: &generator)
            let table = KeyedTable<Int, Note>(limit: 12, 0)
            for key in order { table.add(key, now: 0, until: Int64(key)) }
            for gone in 1...12 {
                #expect(table.ask(100 + gone, now: 0, until: .max)?.forgotten == gone, "seed \(seed)")
            }
        }
    }

    @Test("says whether there is room for a new key: a free place, an idle key, or one that may be forgotten")
    func room() {
        for limit in [1, 3, 64, 500] {
            let (table, now) = (KeyedTable<Int, Note>(limit: limit, 0), Instant(nanoseconds: 5))
            for key in 1..<limit { table.add(key, now: 0, until: .max) }
            #expect(table.hasRoom(now: now))
            // In use, all of them: asked again and again, so that every shard is looked at first.
            table.add(0, now: 0, until: .max)
            for _ in 0..<20 { #expect(!table.hasRoom(now: now), "\(limit)") }
            for until in [6, 5] as [Int64] {
                let other = KeyedTable<Int, Note>(limit: limit, 0)
                for key in 0..<limit { other.add(key, now: 0, until: until) }
                for _ in 0..<20 { #expect(other.hasRoom(now: now), "\(limit)") }
            }
        }
    }

    @Test("where only known keys are asked for, the idle ones are forgotten too")
    func knownKeysOnly() {
        let table = KeyedTable<Int, Note>(limit: 1_000, 0)
        for key in 0..<1_000 { table.add(key, now: 0, until: key == 7 ? .max : 5) }
        for _ in 0..<31 { _ = table.withExistingValue(for: 7, now: Instant(nanoseconds: 5)) { _, _ in } }
        // One sweep in 32 asks, of 32 keys: every shard comes in turn.
        for _ in 0..<32 * 1_000 { _ = table.withExistingValue(for: 7, now: Instant(nanoseconds: 5)) { _, _ in } }
        #expect(table.count == 1 && table.number(7) == 1)
    }

    @Test(
        "a table has as many shards as its size is worth",
        arguments: [
            (1, 1), (64, 1), (65, 2), (128, 2), (129, 4), (1_984, 32), (2_048, 32), (2_049, 32), (4_096, 32),
            (131_072, 32), (131_073, 64), (4_194_304, 1_024), (.max / 8_192, 1_024),
        ])
    func shards(limit: Int, number: Int) {
        #expect(KeyedTable<Int, Note>(limit: limit, 0).shards.count == number)
    }

    @Test("of the entries that an ask takes out, the first two need no memory of their own, and none is lost")
    func removed() {
        var (store, removed) = (KeyedStore<Int, Note>(), KeyedTable<Int, Note>.Removed())
        for key in 0..<5 {
            store.insert(key, hash: UInt32(key), Note())
            removed.append(store.remove(at: 0))
            #expect(removed.others.count == max(0, key - 1))
            let kept = [removed.first?.key, removed.second?.key].compactMap(\.self) + removed.others.map(\.key)
            #expect(kept == Array(0...key))
        }
    }

    @Test("what a lower limit forgets comes from all shards alike")
    func lowerLimitOfAllShards() {
        let table = KeyedTable<Int, Note>(limit: 4_000, 0)
        for key in 0..<4_000 { table.add(key, now: 0, until: 9) }
        func sizes() -> [Int] {
            table.forEachShard { _, change in
                var number = 0
                change { _, _ in number += 1 }
                return number
            }
        }
        let before = sizes()
        #expect(table.setLimit(3_200, now: Instant(nanoseconds: 1), forgetting: true) == 800)
        for (old, new) in zip(before, sizes()) { #expect((24...26).contains(old - new)) }
    }

    @Test("X-21: 10 000 keys used once are gone after they are idle")
    func idleKeys() {
        let table = KeyedTable<Int, Note>(limit: 1_000_000, 0)
        for key in 0..<10_000 { table.add(key, now: 0, until: 10) }
        #expect(table.count == 10_000)
        // One further key that is asked goes over all of them, whichever shards they are in.
        for ask in 0..<40_000 as Range<Int64> { table.add(-1, now: 10 + ask, until: 11 + ask) }
        #expect(table.count == 1)
    }

    @Test("keys that come and go once take no more places than twice those in use")
    func steadyFlow() {
        let table = KeyedTable<Int, Note>(limit: 1_000_000, 0)
        var most = 0
        for key in 0..<100_000 {
            table.add(key, now: Int64(key), until: Int64(key + 5_000))
            most = max(most, table.count)
        }
        #expect(most < 10_000)
    }

    @Test("a lower limit forgets what is too much")
    func lowerLimit() {
        for forgetting in [true, false] {
            let table = KeyedTable<Int, Note>(limit: 10_000, 0)
            for key in 0..<1_000 {
                table.add(key, now: 0, until: key < 300 ? 1 : key < 900 ? Int64(key) : .max)
            }
            table.setLimit(200, now: Instant(nanoseconds: 1), forgetting: forgetting)
            #expect(table.count == (forgetting ? 200 : 700))
            #expect(table.held == table.count)
            #expect((900..<1000).allSatisfy { table.number($0) == 1 })
            table.setLimit(50, now: Instant(nanoseconds: 1), forgetting: forgetting)
            #expect(table.count == (forgetting ? 100 : 700))
            #expect(table.add(1, now: 1, until: 9, replacing: false) == nil)
        }
    }

    @Test("a limit says how many keys it has forgotten that had something to remember", arguments: [0, 1, 3, 200])
    func forgottenByLimit(idle: Int) {
        for (limit, forgotten) in [(Int.max, 0), (301, 0), (300, 0), (299, 1), (100, 200), (1, 299)] {
            for forgetting in [true, false] {
                let table = KeyedTable<Int, Note>(limit: 1_000, 0)
                for key in 0..<300 { table.add(key, now: 0, until: 9) }
                for key in 300..<(300 + idle) { table.add(key, now: 0, until: 1) }
                let number = table.setLimit(limit, now: Instant(nanoseconds: 1), forgetting: forgetting)
                #expect(number == (forgetting ? forgotten : 0))
                #expect((0..<300).filter { table.number($0) != nil }.count == 300 - number)
            }
        }
    }

    @Test("remembers the same as a dictionary without a bound, over random asks")
    func reference() throws {
        try forSeeds(seeds(1_000)) { seed, _ in
            guard play(seed) else { throw Difference("not as a dictionary") }
        }
    }

    /// Values that are forgotten when a dictionary's would be, and no sooner; whether all was alike.
    private func play(_ seed: UInt64) -> Bool {
        var random = SplitMix64(seed: seed)
        let keys = Int.random(in: 1...60, using: &random)
        let table = KeyedTable<Int, Note>(limit: 60, 0)
        var model: [Int: Note] = [:]
        var now: Int64 = 0
        for _ in 0..<300 {
            now += Int64.random(in: 0...3, using: &random)
            let key = Int.random(in: 0..<keys, using: &random)
            let until = now + Int64.random(in: 0...20, using: &random)
            let before = table.number(key)
            let known = model[key]
            let isIdle = known.map { $0.until <= now } ?? true
            // What is idle may be there still, or not.
            guard before == known?.number || (before == nil && isIdle) else { return false }
            var note = before == nil ? Note() : known ?? Note()
            note.number += 1
            note.until = max(note.until, until)
            model[key] = note
            guard table.add(key, now: now, until: until) == note.number else { return false }
            if Int.random(in: 0..<50, using: &random) == 0 {
                table.removeForgettable(now: Instant(nanoseconds: now))
                model = model.filter { $0.value.until > now }
                guard table.count == model.count else { return false }
            }
            guard table.count == table.held else { return false }
        }
        return table.recorded == 300
    }

    @Test("keys of one hash are told apart")
    func collisions() {
        let table = KeyedTable<Colliding, Note>(limit: 500, 0)
        for key in 0..<500 { table.add(Colliding(number: key), now: 0, until: Int64(key)) }
        table.removeForgettable(now: Instant(nanoseconds: 250))
        #expect(table.count == 249)
        #expect((0..<500).allSatisfy { table.number(Colliding(number: $0)) == ($0 > 250 ? 1 : nil) })
    }

    @Test("many tasks on many keys lose no ask, and never hold more keys than allowed")
    func contention() async {
        let table = KeyedTable<Int, Note>(limit: 100, 0)
        let (tasks, asks) = (8, asksPerTask)
        let answered = await withTaskGroup(of: Int.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var random = SplitMix64(seed: UInt64(task))
                    var answered = 0
                    for ask in 0..<asks {
                        let key = Int.random(in: 0..<300, using: &random)
                        let now = Int64(ask)
                        if table.add(key, now: now, until: now + 50, replacing: ask.isMultiple(of: 2)) != nil {
                            answered += 1
                        }
                        if ask.isMultiple(of: 64) {
                            #expect(table.count <= 100 + tasks)
                            await Task.yield()
                        }
                    }
                    return answered
                }
            }
            return await group.reduce(0, +)
        }
        #expect(table.recorded == answered)
        #expect(answered > tasks * asks / 2)
        #expect(table.count == table.held && table.count <= 100)
    }

    @Test("one key, asked by many tasks, is counted exactly")
    func oneKey() async {
        let table = KeyedTable<String, Note>(limit: 100, 0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<asksPerTask { table.add("key", now: 0, until: 1) } }
            }
        }
        #expect(table.number("key") == 8 * asksPerTask)
    }
}

#if THREAD_SANITIZER
    private let asksPerTask = 2_000
#else
    private let asksPerTask = 5_000
#endif
