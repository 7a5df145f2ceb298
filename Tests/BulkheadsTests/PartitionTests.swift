import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Shares of the slots.
@Suite("Bulkhead: partitions", .timeLimit(.minutes(30)))
struct PartitionTests {
    private func configuration(
        _ limit: Int, _ shares: [String: Double], borrow: Bool = true, capacity: Int = 100
    ) -> Configuration {
        Configuration(
            limit: .fixed(limit), queue: .init(capacity: capacity), partitions: shares, partitionsBorrow: borrow)
    }

    @Test("shares become whole slots that add up")
    func apportioned() {
        #expect(apportion(10, by: [0, 0.6, 0.4]) == [0, 6, 4])
        #expect(apportion(100, by: [0.71, 0.29]) == [71, 29])
        #expect(apportion(10, by: [1.0 / 3, 1.0 / 3, 1.0 / 3]) == [4, 3, 3])
        #expect(apportion(1, by: [0, 0.4, 0.6]) == [0, 0, 1])
        #expect(apportion(0, by: [0, 0.4, 0.6]) == [0, 0, 0])
        #expect(apportion(7, by: [1]) == [7])
        // Shares that add up to less get no more than they come to.
        #expect(apportion(10, by: [0.5]) == [5] && apportion(10, by: [0, 0.25, 0.25]) == [0, 3, 3])
        // The first comes to 0.905 and the others to a little more: it is the one that gets nothing.
        let others = [Double](repeating: (11 - 0.905) / 121, count: 11)
        #expect(apportion(11, by: [0.905 / 11] + others) == [0] + others.map { _ in 1 })
        for limit in 0...200 {
            for shares in [[0.1, 0.2, 0.3, 0.4], [0, 0.6, 0.4], [0.05, 0.9, 0.05], [0.25, 0.25, 0.5]] {
                let slots = apportion(limit, by: shares)
                #expect(slots.reduce(0, +) == limit)
                for (slot, share) in zip(slots, shares) { #expect(abs(Double(slot) - share * Double(limit)) < 1) }
            }
        }
        #expect(apportion(1_000_000_000, by: [0.1, 0.2, 0.7]) == [100_000_000, 200_000_000, 700_000_000])
    }

    @Test("what rounding leaves goes to the largest remainders, the first of equals first")
    func largestRemainders() {
        forSeeds(0..<300) { seed, random in
            // In hundredths, so that what is compared is exact.
            let parts = (0..<Int.random(in: 2...40, using: &random)).map { _ in Int.random(in: 0...9, using: &random) }
            let shares = parts.map { Double($0) / 100 } + [max(0, 1 - Double(parts.reduce(0, +)) / 100)]
            let total = Int.random(in: 0...99, using: &random)
            guard parts.reduce(0, +) <= 100 else { return }
            let hundredths = parts.map { $0 * total } + [(100 - parts.reduce(0, +)) * total]
            let order = hundredths.indices.sorted { (hundredths[$1] % 100, $0) < (hundredths[$0] % 100, $1) }
            let left = total - hundredths.reduce(0) { $0 + $1 / 100 }
            let expected = hundredths.indices.map { hundredths[$0] / 100 + (order.prefix(left).contains($0) ? 1 : 0) }
            let difference = zip(apportion(total, by: shares), expected).filter { $0 != $1 }
            // Equal remainders are not equal in binary fractions: those may go to another.
            let threshold = left > 0 ? hundredths[order[left - 1]] % 100 : 100
            let isClear = order.dropFirst(left).allSatisfy { hundredths[$0] % 100 < threshold }
            if isClear { #expect(difference.isEmpty, "seed \(seed)") }
        }
    }

    @Test("a partition borrows what others leave, and gives back what it has borrowed first")
    func borrowing() throws {
        let stage = try Stage(configuration(10, ["gold": 0.6, "free": 0.4]))
        let bulkhead = stage.bulkhead
        let free = (0..<10).map { stage.start($0, partition: "free") }
        #expect(bulkhead.partition("free").inUse == 10 && bulkhead.partition("free").guaranteed == 4)
        let moreFree = (10..<12).map { stage.start($0, partition: "free") }
        let gold = (20..<28).map { stage.start($0, partition: "gold") }
        #expect(bulkhead.partition("gold").waiting == 8 && bulkhead.partition("free").waiting == 2)
        // Six slots go to gold, although free asked earlier; from then on both have their share, and the oldest is
        // next.
        for call in free.prefix(6) { call.end() }
        #expect(bulkhead.partition("gold").inUse == 6 && bulkhead.partition("free").inUse == 4)
        #expect(Array(stage.started.elements.suffix(6)) == [20, 21, 22, 23, 24, 25])
        free[6].end()
        #expect(stage.started.elements.last == 10)
        gold[0].end()
        #expect(stage.started.elements.last == 26)
        gold[1].end()
        #expect(stage.started.elements.last == 27)
        gold[2].end()
        #expect(stage.started.elements.last == 11 && bulkhead.partition("free").inUse == 5)
        for call in free + moreFree + gold { call.end() }
        #expect(bulkhead.inUse == 0 && bulkhead.partition("gold").inUse == 0 && bulkhead.partition("free").inUse == 0)
        #expect(bulkhead.totals.finished == 20)
    }

    @Test("without borrowing a share is all there is, and always there")
    func withoutBorrowing() throws {
        let stage = try Stage(configuration(10, ["gold": 0.6, "free": 0.3], borrow: false))
        let free = (0..<5).map { stage.start($0, partition: "free") }
        #expect(stage.bulkhead.partition("free").inUse == 3 && stage.bulkhead.waiting == 2)
        let gold = (10..<17).map { stage.start($0, partition: "gold") }
        #expect(stage.bulkhead.partition("gold").inUse == 6 && stage.bulkhead.inUse == 9)
        let other = (20..<22).map { stage.start($0) }
        #expect(stage.bulkhead.inUse == 10 && stage.bulkhead.waiting == 4)
        gold[0].end()
        #expect(stage.started.elements.last == 16)
        free[0].end()
        #expect(stage.started.elements.last == 3)
        other[0].end()
        #expect(stage.started.elements.last == 21)
    }

    @Test("calls without a partition, or of an unknown one, have what the shares leave")
    func rest() throws {
        let stage = try Stage(configuration(10, ["gold": 0.5, "free": 0.2]))
        #expect(stage.bulkhead.partition("none").guaranteed == 3)
        let calls = [stage.start(0), stage.start(1, partition: "none"), stage.start(2, partition: "gold")]
        #expect(stage.bulkhead.partition("none").inUse == 2 && stage.bulkhead.partition("gold").inUse == 1)
        for call in calls { call.end() }
        #expect(stage.bulkhead.partition("none").inUse == 0)
    }

    @Test("a call within its partition's share goes before those beyond theirs, also into a full queue")
    func fullQueue() throws {
        let stage = try Stage(configuration(2, ["gold": 0.5, "free": 0.5], capacity: 2))
        let running = (0..<2).map { stage.start($0, partition: "free") }
        _ = stage.start(2, priority: .high, partition: "free")
        _ = stage.start(3, partition: "free")
        // Within its share: the last call of free has to go, whatever the priority.
        _ = stage.start(4, priority: .low, partition: "gold")
        #expect(stage.outcome(3) == "displaced" && stage.outcome(4) == nil)
        // Gold has and wants its share now, and a second low one is beyond it.
        _ = stage.start(5, priority: .low, partition: "gold")
        #expect(stage.outcome(5) == "full")
        // Beyond its share, nobody takes a place from within one, however high the priority.
        _ = stage.start(6, priority: .init(1000), partition: "free")
        #expect(stage.outcome(2) == "displaced" && stage.outcome(4) == nil && stage.outcome(6) == nil)
        running[0].end()
        #expect(stage.started.elements == [0, 1, 4])
        running[1].end()
        #expect(stage.started.elements == [0, 1, 4, 6])
    }

    @Test("a handle is a strategy of its own")
    func handle() async throws {
        let stage = try Stage(configuration(4, ["gold": 0.5]))
        let gold = stage.bulkhead.partition("gold")
        let policy = try Policy("policy") { gold }
        #expect(policy.description == "Bulkhead(test/gold)")
        let inUse = try await policy.execute { gold.inUse }
        #expect(inUse == 1 && gold.inUse == 0 && gold.name == "gold" && gold.guaranteed == 2)
        await #expect(throws: InjectedFailure.self) { try await gold.execute { throw InjectedFailure() } }
        let permit = try stage.bulkhead.tryAcquirePermit(partition: "gold")
        #expect(gold.inUse == 1 && gold.bulkhead === stage.bulkhead)
        permit.release()
        let waited = try await stage.bulkhead.acquirePermit(partition: "gold")
        #expect(gold.inUse == 1)
        waited.release()
        #expect(gold.inUse == 0 && stage.bulkhead.totals == totals(finished: 4))
        gold.addObserver(stage.recorder)
        try await gold.execute {}
        #expect(stage.names == ["permitted", "finished"])
    }

    @Test("the partition reaches the bulkhead through a policy")
    func throughPolicy() async throws {
        let stage = try Stage(configuration(4, ["gold": 0.5]))
        let policy = try Policy("policy") { stage.bulkhead }
        let gold = policy.setting(Bulkhead.Partition.self, to: "gold")
        #expect(try await gold.execute { stage.bulkhead.partition("gold").inUse } == 1)
    }

    @Test(
        "a partition that is removed keeps its place until its calls have ended: a new name counts for itself",
        arguments: [(running: 1, waiting: 0), (0, 1), (2, 0), (2, 3), (1, 2)])
    func removedWhileInUse(running: Int, waiting: Int) throws {
        let stage = try Stage(configuration(4, ["gold": 0.5, "free": 0.5]))
        let bulkhead = stage.bulkhead
        let gold = (0..<running).map { stage.start($0, partition: "gold") }
        let free = (10..<14 - running).map { stage.start($0, partition: "free") }
        let late = (20..<20 + waiting).map { stage.start($0, partition: "gold") }
        #expect(bulkhead.partition("gold").inUse == running && bulkhead.partition("gold").waiting == waiting)
        for round in 0..<3 {
            try bulkhead.update(configuration(4, ["new\(round)": 0.5, "free": 0.5]))
            let part = bulkhead.partition("new\(round)")
            #expect(part.inUse == 0 && part.waiting == 0 && part.guaranteed == 2)
        }
        // Nobody took the place, and the names that have gone left one for all.
        let names = bulkhead.withState { $0.parts.map(\.name) }
        #expect(names == ["", "free", "gold", "new2"])
        for call in gold + free + late { call.end() }
        #expect(bulkhead.inUse == 0 && bulkhead.waiting == 0)
        #expect(bulkhead.withState { $0.parts.map(\.running) } == [0, 0, 0, 0])
        #expect(stage.started.elements.count == 4 + waiting)
        // Now it is free to be taken.
        try bulkhead.update(configuration(4, ["newer": 0.5, "new2": 0.5]))
        #expect(bulkhead.withState { $0.parts.count } == 4)
    }

    @Test("partitions come and go while calls run")
    func changing() throws {
        let stage = try Stage(.queueing(2))
        let bulkhead = stage.bulkhead
        let plain = stage.start(0)
        try bulkhead.update(configuration(2, ["gold": 0.5, "free": 0.5]))
        let gold = stage.start(1, partition: "gold")
        let waiting = stage.start(2, partition: "gold")
        #expect(bulkhead.inUse == 2 && bulkhead.partition("").inUse == 1 && bulkhead.partition("gold").inUse == 1)
        try bulkhead.update(configuration(2, ["free": 1], borrow: false))
        #expect(bulkhead.partition("gold").waiting == 0 && bulkhead.waiting == 1)
        // What it has begun it may end, though it has no share any more.
        plain.end()
        #expect(stage.started.elements == [0, 1, 2])
        gold.end()
        waiting.end()
        try bulkhead.update(configuration(2, ["silver": 0.5]))
        #expect(bulkhead.partition("silver").guaranteed == 1 && bulkhead.partition("gold").guaranteed == 1)
        #expect(bulkhead.withState { $0.parts.map(\.name) } == ["", "silver", "gold"])
        // Begun in a partition, ended where there is none.
        let silver = stage.start(3, partition: "silver")
        try bulkhead.update(.queueing(2))
        #expect(!bulkhead.reading.isGuarded && bulkhead.partition("").inUse == 0 && bulkhead.inUse == 1)
        silver.end()
        #expect(bulkhead.withState { $0.parts.map(\.running) } == [0, 0, 0])
        #expect(bulkhead.inUse == 0 && !bulkhead.reading.isGuarded && bulkhead.admits)
    }
}
