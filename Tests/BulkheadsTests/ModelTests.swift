import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Random sequences of calls, ends, cancellations, time and changes, against the reference model.
@Suite("Bulkhead: reference model", .timeLimit(.minutes(30)))
struct ModelTests {
    @Test("thousands of random courses", arguments: 0..<8)
    func courses(part: Int) throws {
        let first = UInt64(part) << 32
        try forSeeds(seeds(400, from: first)) { seed, _ in
            guard try Self.course(seed) else { throw Difference("not as in the model") }
        }
    }

    private static let settings: [(shares: [String: Double], borrows: Bool)] = [
        ([:], true), ([:], true), (["a": 0.6, "b": 0.4], true), (["a": 0.5, "b": 0.2], true),
        (["a": 0.6, "b": 0.4], false), (["a": 0.5, "b": 0.2], false),
    ]

    /// Plays one course; whether bulkhead and model agree all along.
    private static func course(_ seed: UInt64) throws -> Bool {
        var random = SplitMix64(seed: seed)
        let setting = settings.randomElement(using: &random) ?? settings[0]
        func randomLimit() -> Int {
            setting.shares.isEmpty ? Int.random(in: 0...4, using: &random) : 10 * Int.random(in: 0...1, using: &random)
        }
        let limit = randomLimit()
        let capacity = [0, 1, 3, 8].randomElement(using: &random) ?? 0
        let isNewestFirst = Bool.random(using: &random)
        var model = ReferenceModel(
            limit: limit, capacity: capacity, maxWait: 10, isNewestFirst: isNewestFirst, shares: setting.shares,
            borrows: setting.borrows)
        let stage = try Stage(
            Configuration(
                limit: .fixed(limit),
                queue: .init(
                    capacity: capacity, maxWait: .seconds(10), order: isNewestFirst ? .newestFirst : .oldestFirst),
                partitions: setting.shares, partitionsBorrow: setting.borrows),
            observed: Bool.random(using: &random))
        var calls: [Int: Call] = [:]
        for step in 0..<60 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...5:
                let priority = [0, 0, 0, 1, -1].randomElement(using: &random) ?? 0
                let partition = ["", "a", "a", "b", "x"].randomElement(using: &random) ?? ""
                let deadline = [nil, nil, nil, 0, 3, 15].randomElement(using: &random) ?? nil
                model.start(step, priority: priority, partition: partition, deadline: deadline)
                calls[step] = stage.start(
                    step, priority: .init(priority), partition: partition.isEmpty ? nil : partition,
                    deadline: deadline.map { .seconds($0) })
            case 6...8:
                guard let id = model.running.randomElement(using: &random)?.id else { continue }
                model.end(id)
                calls[id]?.end()
            case 9:
                guard let id = calls.keys.sorted().randomElement(using: &random) else { continue }
                // A call that runs does not listen.
                model.cancel(id)
                calls[id]?.cancel()
            case 10:
                let length = Int.random(in: 0...6, using: &random)
                model.advance(by: length)
                stage.advance(by: .seconds(length))
            default:
                let limit = randomLimit()
                model.resize(to: limit)
                try stage.bulkhead.resize(to: limit)
                stage.settle()
            }
            guard agree(model, stage) else { return false }
        }
        for id in model.running.map(\.id) { calls[id]?.end() }
        for call in calls.values { call.cancel() }
        for id in stage.started.elements { calls[id]?.end() }
        return stage.bulkhead.inUse == 0 && stage.bulkhead.waiting == 0
            && stage.outcomes.withLock { $0.count } == calls.count
            && stage.bulkhead.totals.calls == calls.count
            && stage.names.count { $0 == "permitted" } == stage.names.count { $0 == "finished" }
    }

    private static func agree(_ model: ReferenceModel, _ stage: Stage) -> Bool {
        let bulkhead = stage.bulkhead
        return bulkhead.inUse == model.running.count && bulkhead.waiting == model.waiting.count
            && bulkhead.limit == model.limit && stage.started.elements == model.started
            && stage.outcomes.withLock { $0 } == model.outcomes && bulkhead.totals == model.totals
            && bulkhead.oldestWait
                == model.waiting.map(\.since).min().map { .seconds(model.now - $0) }
            && (bulkhead.reading.isGuarded
                == (!model.shares.isEmpty || !model.waiting.isEmpty || bulkhead.events.isListening))
    }
}
