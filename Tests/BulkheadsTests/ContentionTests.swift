import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Many tasks on one bulkhead.
@Suite("Bulkhead: contention", .timeLimit(.minutes(30)))
struct ContentionTests {
    @Test(
        "10 000 tasks, a third cancelled at random: never above the limit, and every slot comes back",
        arguments: [true, false])
    func cancelledAtRandom(observed: Bool) async throws {
        let count = 10_000
        let limit = 16
        let stage = try Stage(.queueing(limit, capacity: count, maxWait: nil), observed: observed)
        let bulkhead = stage.bulkhead
        let meter = Meter()
        var random = SplitMix64(seed: 34)
        let tasks = (0..<count).map { _ in
            Task {
                do {
                    try await bulkhead.execute {
                        meter.enter()
                        await Task.yield()
                        meter.leave()
                    }
                    return true
                } catch is CancellationError {
                    return false
                }
            }
        }
        for task in tasks where Int.random(in: 0..<3, using: &random) == 0 {
            task.cancel()
            if Int.random(in: 0..<64, using: &random) == 0 { await Task.yield() }
        }
        var ran = 0
        for task in tasks where try await task.value { ran += 1 }
        let totals = bulkhead.totals
        #expect(meter.most <= limit && meter.running == 0 && meter.entered == ran)
        #expect(bulkhead.inUse == 0 && bulkhead.waiting == 0 && bulkhead.available == limit)
        #expect(bulkhead.reading.isGuarded == (observed || bulkhead.marksCalls))
        // Those whose turn came as they were cancelled did not run, and yet had a slot.
        #expect(totals.finished >= ran && totals.finished + totals.cancelled == count && totals.calls == count)
        guard observed else { return }
        #expect(stage.names.count { $0 == "permitted" } == totals.finished)
        #expect(stage.names.count { $0 == "finished" } == totals.finished)
        #expect(stage.names.count { $0 == "cancelled" } == totals.cancelled)
        #expect(stage.names.count { $0 == "queued" } == totals.waited)
    }

    @Test(
        "10 000 tasks in line, a third cancelled at random while slots come free: the order holds",
        arguments: Bulkhead.Order.allCases)
    func order(order: Bulkhead.Order) async throws {
        let count = 10_000
        let bulkhead = try Bulkhead("test", .queueing(1, capacity: count, maxWait: nil, order: order))
        let held = try bulkhead.held()
        let ran = Log<Int>()
        let tasks = (0..<count).map { id in
            Task.immediate { try await bulkhead.execute { ran.append(id) } }
        }
        #expect(bulkhead.waiting == count)
        let canceller = Task {
            var random = SplitMix64(seed: 21)
            for task in tasks where Int.random(in: 0..<3, using: &random) == 0 { task.cancel() }
        }
        held.release()
        await canceller.value
        var finished = 0
        for task in tasks {
            if case .success = await task.result { finished += 1 }
        }
        // One slot: what runs does so one after another, in the order in which the slot was given.
        let course = order == .oldestFirst ? ran.elements : ran.elements.reversed()
        #expect(course.count == finished && finished >= count / 2)
        #expect(zip(course, course.dropFirst()).allSatisfy { $0 < $1 })
        #expect(bulkhead.inUse == 0 && bulkhead.waiting == 0)
        #expect(bulkhead.totals.calls == count + 1 && bulkhead.totals.waited == count)
    }

    @Test("permits from all sides while the bulkhead is retuned: exact totals, never above the limit")
    func retuned() async throws {
        let bulkhead = try Bulkhead("test", limit: 8)
        let isDone = Log<Void>()
        let meter = Meter()
        let rejected = await withTaskGroup(of: Int.self) { group in
            for seed in 0..<8 as Range<UInt64> {
                group.addTask { await Self.takePermits(bulkhead, meter, seed) }
            }
            let changer = Task {
                var random = SplitMix64(seed: 7)
                let limits: [Configuration] = [
                    .init(limit: .fixed(3)), .init(limit: .fixed(8)), .queueing(5),
                    .init(limit: .fixed(6), partitions: ["a": 0.5]), .init(limit: .fixed(0)),
                ]
                var last = Totals()
                while isDone.elements.isEmpty {
                    if let next = limits.randomElement(using: &random) { try? bulkhead.update(next) }
                    let totals = bulkhead.totals
                    #expect(totals.finished >= last.finished && totals.rejected >= last.rejected)
                    #expect(bulkhead.inUse <= 8)
                    last = totals
                    await Task.yield()
                }
                try? bulkhead.resize(to: 8)
            }
            let rejected = await group.reduce(0, +)
            isDone.append(())
            await changer.value
            return rejected
        }
        #expect(meter.most <= 8 && bulkhead.inUse == 0)
        #expect(bulkhead.totals == totals(finished: meter.entered, rejected: rejected))
        #expect(bulkhead.totals.calls == 8 * permitsPerTask)
        #expect(bulkhead.partition("a").inUse == 0)
    }

    private static func takePermits(_ bulkhead: Bulkhead, _ meter: Meter, _ seed: UInt64) async -> Int {
        var random = SplitMix64(seed: seed)
        var rejected = 0
        for number in 0..<permitsPerTask {
            do {
                let permit = try bulkhead.tryAcquirePermit(partition: Bool.random(using: &random) ? "a" : nil)
                meter.enter()
                if number.isMultiple(of: 16) { await Task.yield() }
                meter.leave()
                permit.release()
            } catch {
                rejected += 1
                if number.isMultiple(of: 64) { await Task.yield() }
            }
        }
        return rejected
    }

    @Test("waits that time out, are cancelled and are served at the same time: each ends once")
    func everyEnd() async throws {
        let clock = ManualClock()
        let stage = try Stage(.queueing(4, capacity: 50, maxWait: .milliseconds(5)), clock: clock)
        let bulkhead = stage.bulkhead
        let meter = Meter()
        let counts = await withTaskGroup(of: [String: Int].self) { group in
            for seed in 0..<16 as Range<UInt64> {
                group.addTask { await Self.makeCalls(bulkhead, clock, meter, seed) }
            }
            return await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
        let totals = bulkhead.totals
        #expect(meter.most <= 4 && bulkhead.inUse == 0 && bulkhead.waiting == 0)
        #expect(counts["ran", default: 0] == meter.entered)
        #expect(counts["timedOut", default: 0] == totals.timedOut)
        #expect(
            counts["full", default: 0] + counts["displaced", default: 0] + totals.timedOut == totals.rejected)
        #expect(counts["ran", default: 0] + counts["cancelled", default: 0] == totals.finished + totals.cancelled)
        #expect(totals.calls == 16 * callsPerTask && counts["other"] == nil)
    }

    private static func makeCalls(
        _ bulkhead: Bulkhead, _ clock: ManualClock, _ meter: Meter, _ seed: UInt64
    ) async -> [String: Int] {
        var random = SplitMix64(seed: seed)
        var counts: [String: Int] = [:]
        for number in 0..<callsPerTask {
            let priority = Priority(Int.random(in: 0...2, using: &random))
            let task = Task {
                do {
                    try await bulkhead.setting(Priority.self, to: priority).execute {
                        meter.enter()
                        await Task.yield()
                        meter.leave()
                    }
                    return "ran"
                } catch let error as RejectedError {
                    return error.cause.rawValue
                } catch is CancellationError {
                    return "cancelled"
                } catch {
                    return "other"
                }
            }
            if Int.random(in: 0..<3, using: &random) == 0 { task.cancel() }
            if number.isMultiple(of: 3) { clock.advance(by: .milliseconds(1)) }
            counts[await task.value, default: 0] += 1
        }
        return counts
    }
}

#if THREAD_SANITIZER
    private let permitsPerTask = 2_000
    private let callsPerTask = 100
#else
    private let permitsPerTask = 20_000
    private let callsPerTask = 500
#endif
