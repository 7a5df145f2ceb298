import TestSupport
import Testing

@testable import ResilienceCore

/// The hash table of one shard, against a dictionary.
@Suite("A shard's hash table")
struct KeyedStoreTests {
    /// How the hashes of the keys are spread: well, over few values, around the last slots, or not at all.
    enum Spread: CaseIterable, Sendable {
        case wide
        case narrow
        case atTheEnd
        case none

        func hash(_ key: Int) -> UInt32 {
            var mixed = SplitMix64(seed: UInt64(truncatingIfNeeded: key))
            let wide = UInt32(truncatingIfNeeded: mixed.next())
            return switch self {
            case .wide: wide
            case .narrow: wide & 0xE000_0000
            case .atTheEnd: wide | 0xFFF0_0000
            case .none: 7
            }
        }
    }

    @Test("does what a dictionary does, whatever the hashes are", arguments: Spread.allCases)
    func reference(spread: Spread) throws {
        try forSeeds(seeds(spread == .wide ? 1500 : 500)) { seed, _ in
            guard play(seed, spread) else { throw Difference("hashes \(spread)") }
        }
    }

    /// One random sequence; whether the store agreed all the way.
    private func play(_ seed: UInt64, _ spread: Spread) -> Bool {
        var random = SplitMix64(seed: seed)
        var store = KeyedStore<Int, Int>()
        var model: [Int: Int] = [:]
        let keys = [4, 20, 300].randomElement(using: &random) ?? 4
        // Now growing, now shrinking.
        let removals = Int.random(in: 1...9, using: &random)
        for step in 0..<300 {
            let key = Int.random(in: 0..<keys, using: &random)
            let hash = spread.hash(key)
            let place = store.find(key, hash: hash)
            guard place.map({ store[$0] }) == model[key] else { return false }
            switch (Int.random(in: 0..<10, using: &random) < removals, place) {
            case (true, let place?):
                guard store.remove(at: place).value == model.removeValue(forKey: key) else { return false }
            case (false, let place?):
                store[place] = step
                model[key] = step
            case (_, nil):
                store.insert(key, hash: hash, step)
                model[key] = step
            }
            guard store.count == model.count, step % 10 != 0 || isSound(store) else { return false }
        }
        return agrees(store, model, spread)
    }

    private func agrees(_ store: KeyedStore<Int, Int>, _ model: [Int: Int], _ spread: Spread) -> Bool {
        let contents = (0..<store.count).map { (store.key(at: $0), store[$0]) }
        return Dictionary(contents) { _, last in last } == model
            && model.allSatisfy { key, value in
                store.find(key, hash: spread.hash(key)).map { store[$0] } == value
            }
    }

    /// One slot for each entry, and some that are free, without which a search would not end.
    private func isSound(_ store: KeyedStore<Int, Int>) -> Bool {
        let taken = store.slots.count { $0 != 0 }
        return taken == store.count && store.hashes.count == store.count && store.count <= store.capacity
            && (store.slots.isEmpty || taken < store.slots.count)
    }

    @Test("grows by half, and gives memory back")
    func sizes() {
        var store = KeyedStore<Int, Int>()
        #expect(store.capacity == 0 && store.slots.isEmpty)
        var capacities: [Int] = []
        for key in 0..<1000 {
            store.insert(key, hash: Spread.wide.hash(key), key)
            if capacities.last != store.capacity { capacities.append(store.capacity) }
        }
        #expect(capacities == [8, 12, 18, 27, 40, 60, 90, 135, 202, 303, 454, 681, 1021])
        while store.count > 10 { store.remove(at: store.count / 2) }
        #expect(store.capacity <= 64)
        #expect(isSound(store))
    }

    @Test("the last entry takes the place of a removed one")
    func removal() {
        var store = KeyedStore<String, Int>()
        for (value, key) in ["a", "b", "c"].enumerated() { store.insert(key, hash: 1, value) }
        #expect(store.remove(at: 0).key == "a")
        #expect(store.key(at: 0) == "c" && store[0] == 2)
        #expect(store.find("b", hash: 1) == 1)
        #expect(store.find("a", hash: 1) == nil)
        #expect(store.remove(at: 1).key == "b")
        #expect(store.find("c", hash: 1) == 0)
    }
}
