import ResilienceTesting
import Synchronization
import Testing

@testable import ResilienceCore

/// A value that is in use until the test says otherwise, and counts how often it is looked at.
private struct Use: KeyedValue {
    final class Looks: Sendable {
        let number = Atomic(0)
    }

    var isFree = false
    let looks: Looks

    func isForgettable(at now: TimeSource.Instant, _ common: Looks) -> Bool { false }

    func loss(at now: TimeSource.Instant, _ common: Looks) -> Int64? {
        looks.number.wrappingAdd(1, ordering: .relaxed)
        return isFree ? 0 : nil
    }
}

private typealias Instant = TimeSource.Instant

/// A full table, and which of its keys are free.
private final class Full {
    let looks = Use.Looks()
    let table: KeyedTable<Int, Use>
    private(set) var free: Set<Int> = []
    private var keys: [Int]
    private(set) var newest: Int

    init(_ count: Int) {
        table = KeyedTable(limit: count, looks)
        keys = Array(0..<count)
        newest = count - 1
        for key in keys { _ = add(key, at: 0) }
    }

    func set(_ key: Int, isFree: Bool) {
        _ = table.withExistingValue(for: key) { use, _ in use.isFree = isFree }
        if isFree { free.insert(key) } else { free.remove(key) }
    }

    func randomKey(_ random: inout SplitMix64) -> Int { keys[Int.random(in: 0..<keys.count, using: &random)] }

    func hasRoom(at now: Int64) -> Bool { table.hasRoom(now: Instant(nanoseconds: now)) }

    /// Adds a new key; which key gave way, or `nil` if there is no place.
    func displace(at now: Int64) -> Int? {
        newest += 1
        guard case .answered(_, let gone?) = add(newest, at: now), let place = keys.firstIndex(of: gone) else {
            return nil
        }
        keys[place] = newest
        if !free.contains(gone) { Issue.record("\(gone) gave way, which was in use") }
        return free.remove(gone)
    }

    private func add(_ key: Int, at now: Int64) -> KeyedTable<Int, Use>.Answer<Void> {
        table.withValue(
            for: key, now: Instant(nanoseconds: now), replacing: true, initial: { Use(looks: $0) }, { _, _ in },
            record: { _, _ in })
    }

    /// The looks of some asks.
    func looks(during asks: () -> Void) -> Int {
        let before = looks.number.load(ordering: .relaxed)
        asks()
        return looks.number.load(ordering: .relaxed) - before
    }
}

@Suite("The search for a key that gives way", .timeLimit(.minutes(30)))
struct KeyedSearchTests {
    static let sizes = [1, 2, 16, 17, 64, 65, 100, 500, 1_500]

    @Test(
        "is never mistaken in what it finds, and overlooks nothing among up to 16 keys",
        arguments: 0..<40 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let size = Self.sizes[Int(seed) % Self.sizes.count]
        let full = Full(size)
        var now: Int64 = 0
        for step in 0..<400 {
            if Bool.random(using: &random) { now += Int64.random(in: 0...20_000_000, using: &random) }
            if Bool.random(using: &random) { full.set(full.randomKey(&random), isFree: Bool.random(using: &random)) }
            let hasFree = !full.free.isEmpty
            if Bool.random(using: &random) {
                let found = full.hasRoom(at: now)
                #expect(!found || hasFree, "seed \(seed), step \(step)")
                if size <= 16 { #expect(found == hasFree, "seed \(seed), step \(step)") }
            } else {
                let gone = full.displace(at: now)
                #expect(gone != nil || size > 16 || !hasFree, "seed \(seed), step \(step)")
                #expect(gone == nil || hasFree, "seed \(seed), step \(step)")
            }
            #expect(full.table.count == size)
        }
    }

    @Test(
        "after one that found nothing finds a key that has become free within 200 ms, however few ask", arguments: sizes
    )
    func afterTime(size: Int) {
        let full = Full(size)
        #expect(!full.hasRoom(at: 0))
        full.set(size / 2, isFree: true)
        #expect(full.hasRoom(at: 200_000_000))
        #expect(full.displace(at: 200_000_000) == size / 2)
        // No search has failed since.
        let other = full.newest
        full.set(other, isFree: true)
        #expect(full.hasRoom(at: 200_000_000))
        full.set(other, isFree: false)
        #expect(!full.hasRoom(at: 200_000_000))
        full.set(other, isFree: true)
        // A clock that has gone back.
        #expect(full.hasRoom(at: 0))
    }

    @Test(
        "after one that found nothing finds a key that has become free within 257 asks, however soon", arguments: sizes)
    func afterAsks(size: Int) {
        for key in [0, size / 2, size - 1] {
            let full = Full(size)
            #expect(!full.hasRoom(at: 0))
            full.set(key, isFree: true)
            #expect((0..<257).contains { _ in full.hasRoom(at: 0) })
            #expect(full.displace(at: 0) == key)
        }
    }

    @Test("goes on where the last one ended, over all shards of a table of any size")
    func everywhere() {
        let full = Full(10_000)
        #expect(!full.hasRoom(at: 0))
        full.set(7_777, isFree: true)
        // A wide search in 257, and 16 entries of each other.
        #expect((0..<10_000 / 16).contains { _ in full.hasRoom(at: 0) })
        #expect(full.displace(at: 0) == 7_777)
    }

    @Test(
        "costs new keys that are refused 24 looks each, whether room is asked for or a place",
        arguments: [1, 100, 5_000])
    func cost(size: Int) {
        let full = Full(size)
        let asks = 257 * 20
        #expect(full.looks { for _ in 0..<asks { _ = full.hasRoom(at: 0) } } <= asks * 24)
        // Each looks at 32 keys of its own shard, too.
        #expect(full.looks { for _ in 0..<asks { _ = full.displace(at: 0) } } <= asks * (24 + 32))
        // Slow ones are wide, five times a second.
        #expect(
            full.looks { for ask in 0..<10_000 { _ = full.hasRoom(at: Int64(ask) * 100_000) } } <= 10_000 * 16 + 40
                * 2048)
    }
}
