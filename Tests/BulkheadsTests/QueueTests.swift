import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Calls that wait.
@Suite("Bulkhead: queue", .timeLimit(.minutes(30)))
struct QueueTests {
    @Test("first in, first out by default; last in, first out on request", arguments: Bulkhead.Order.allCases)
    func order(order: Bulkhead.Order) throws {
        let stage = try Stage(.queueing(1, order: order))
        let calls = (0..<5).map { stage.start($0) }
        #expect(stage.bulkhead.waiting == 4)
        var next = 0
        for _ in calls {
            calls[next].end()
            next = stage.started.elements.last ?? 0
        }
        #expect(stage.started.elements == (order == .oldestFirst ? [0, 1, 2, 3, 4] : [0, 4, 3, 2, 1]))
        #expect(stage.bulkhead.inUse == 0 && stage.bulkhead.waiting == 0)
    }

    @Test("a higher priority is served first, within one the order holds")
    func priorities() throws {
        let stage = try Stage(.queueing(1))
        let ranks: [Priority] = [.normal, .low, .normal, .high, .init(50), .high, .low]
        let calls = ranks.enumerated().map { stage.start($0.offset, priority: $0.element) }
        for _ in calls { calls[stage.started.elements.last ?? 0].end() }
        #expect(stage.started.elements == [0, 3, 5, 4, 2, 1, 6])
    }

    @Test("a priority reaches the bulkhead through a policy")
    func priorityThroughPolicy() async throws {
        let stage = try Stage(.queueing(1))
        let policy = try Policy("policy") { stage.bulkhead }
        let first = stage.start(0)
        let patient = stage.run { try? await policy.execute { stage.started.append(1) } }
        let urgent = stage.run {
            try? await policy.setting(Priority.self, to: .high).execute { stage.started.append(2) }
        }
        first.end()
        #expect(stage.started.elements == [0, 2, 1])
        await patient.value
        await urgent.value
    }

    @Test("a full queue refuses the call that would be served last")
    func fullQueue() throws {
        let stage = try Stage(.queueing(1, capacity: 2), observed: true)
        let calls = (0..<3).map { stage.start($0) }
        _ = stage.start(3)
        #expect(stage.outcome(3) == "full")
        let urgent = stage.start(4, priority: .high)
        #expect(stage.outcome(2) == "displaced" && stage.outcome(4) == nil)
        #expect(stage.names == ["permitted", "queued", "queued", "rejected", "rejected", "queued"])
        _ = stage.start(5, priority: .low)
        #expect(stage.outcome(5) == "full")
        for call in [calls[0], urgent, calls[1]] { call.end() }
        #expect(stage.started.elements == [0, 4, 1])
        #expect(stage.bulkhead.totals == totals(finished: 3, rejected: 3, displaced: 1, waited: 3))
        let causes = stage.events.compactMap { if case .rejected(let error) = $0.kind { error.cause } else { nil } }
        #expect(causes == [.full, .displaced, .full])
    }

    @Test("a full queue that serves the newest first refuses the oldest")
    func fullQueueNewestFirst() throws {
        let stage = try Stage(.queueing(1, capacity: 2, order: .newestFirst))
        let calls = (0..<4).map { stage.start($0) }
        #expect(stage.outcome(1) == "displaced" && stage.outcome(3) == nil)
        calls[0].end()
        #expect(stage.started.elements == [0, 3])
    }

    @Test("a call that waits for nothing else than a slot needs no timer")
    func unbounded() throws {
        let stage = try Stage(.queueing(1, maxWait: nil))
        let first = stage.start(0)
        let second = stage.start(1)
        #expect(stage.clock.timerCount == 0)
        stage.advance(by: .seconds(1_000_000))
        first.end()
        #expect(stage.started.elements == [0, 1])
        second.end()
        #expect(stage.bulkhead.totals.waitingTime == .seconds(1_000_000))
    }

    @Test("any number of waits share one timer, which is set again for those that are left")
    func oneTimer() throws {
        let stage = try Stage(.queueing(1, maxWait: .seconds(10)))
        let first = stage.start(0)
        for id in 1...5 {
            _ = stage.start(id)
            stage.advance(by: .seconds(1))
            #expect(stage.clock.timerCount == 1)
        }
        stage.advance(by: .nanoseconds(4_999_999_999))
        #expect(stage.bulkhead.waiting == 5)
        for id in 1...5 {
            stage.advance(by: .nanoseconds(1))
            #expect(stage.outcome(id) == "timedOut" && stage.bulkhead.waiting == 5 - id)
            stage.advance(by: .nanoseconds(999_999_999))
        }
        #expect(stage.clock.timerCount == 0)
        first.end()
    }

    @Test("an earlier deadline moves the timer forward")
    func earlierDeadline() throws {
        let stage = try Stage(.queueing(1, maxWait: .seconds(10)))
        _ = stage.start(0)
        _ = stage.start(1)
        _ = stage.start(2, deadline: .seconds(2))
        _ = stage.start(3, deadline: .seconds(20))
        #expect(stage.clock.timerCount == 1)
        stage.advance(by: .seconds(2))
        #expect(stage.outcome(2) == "timedOut" && stage.bulkhead.waiting == 2)
        stage.advance(by: .seconds(8))
        #expect(stage.outcome(1) == "timedOut" && stage.outcome(3) == "timedOut")
    }

    @Test("a deadline that has passed: no wait, but a free slot is given")
    func passedDeadline() throws {
        let stage = try Stage(.queueing(1, maxWait: nil))
        let first = stage.start(0, deadline: .seconds(-1))
        _ = stage.start(1, deadline: .zero)
        #expect(stage.outcome(1) == "timedOut" && stage.bulkhead.waiting == 0)
        first.end()
        #expect(stage.outcome(0) == "finished")
        // It found no slot and did not wait.
        #expect(stage.bulkhead.totals == totals(finished: 1, rejected: 1, timedOut: 1))
    }

    @Test("the deadline of a policy on another clock ends the wait")
    func otherClock() async throws {
        let stage = try Stage(.queueing(1, maxWait: .seconds(10)))
        _ = stage.start(0)
        let other = ManualClock()
        let time = TimeSource(other)
        other.advance(by: .seconds(100))
        var context = Context(name: "outer", time: time)
        context.deadline = time.now.advanced(by: .seconds(3))
        let task = stage.run { [context] in
            await #expect(throws: RejectedError.self) { try await stage.bulkhead.execute(context) { _ in } }
        }
        stage.advance(by: .nanoseconds(2_999_999_999))
        #expect(stage.bulkhead.waiting == 1)
        stage.advance(by: .nanoseconds(1))
        #expect(stage.bulkhead.waiting == 0)
        await task.value
    }

    @Test("cancelled before its turn comes: the slot goes to the next")
    func cancelledFirst() throws {
        let stage = try Stage(.queueing(1))
        let held = try stage.bulkhead.held()
        let first = stage.start(1)
        let second = stage.start(2)
        first.task.cancel()
        held.release()
        stage.settle()
        #expect(stage.outcome(1) == "cancelled" && stage.started.elements == [2])
        #expect(stage.bulkhead.inUse == 1 && stage.bulkhead.waiting == 0)
        second.end()
        #expect(stage.bulkhead.totals == totals(finished: 2, cancelled: 1, waited: 2))
    }

    @Test("cancelled after its turn came, before it runs: it does not run, and the slot goes to the next")
    func resumedFirst() throws {
        let stage = try Stage(.queueing(1), observed: true)
        let held = try stage.bulkhead.held()
        let first = stage.start(1)
        let second = stage.start(2)
        held.release()
        first.task.cancel()
        #expect(stage.bulkhead.waiting == 1)
        stage.settle()
        #expect(stage.outcome(1) == "cancelled" && stage.started.elements == [2])
        #expect(stage.bulkhead.inUse == 1 && stage.bulkhead.waiting == 0)
        second.end()
        // The permit, the call that was let through but cancelled, and the one that ran.
        #expect(stage.bulkhead.totals == totals(finished: 3, waited: 2))
        #expect(
            stage.names == [
                "permitted", "queued", "queued", "finished", "permitted", "finished", "permitted", "finished",
            ])
    }

    @Test("cancelled before it asks: a call that would wait does not")
    func cancelledBefore() async throws {
        let stage = try Stage(.queueing(1))
        let held = try stage.bulkhead.held()
        let task = stage.run {
            withUnsafeCurrentTask { $0?.cancel() }
            await #expect(throws: CancellationError.self) { try await stage.bulkhead.execute {} }
        }
        await task.value
        #expect(stage.bulkhead.waiting == 0)
        held.release()
        #expect(stage.bulkhead.totals == totals(finished: 1, cancelled: 1, waited: 1))
    }

    @Test("timed out, then a slot is free: no call has it")
    func timedOutFirst() throws {
        let stage = try Stage(.queueing(1))
        let held = try stage.bulkhead.held()
        let waiting = stage.start(1)
        stage.clock.advance(by: .seconds(1))
        held.release()
        waiting.task.cancel()
        stage.settle()
        #expect(stage.outcome(1) == "timedOut" && stage.bulkhead.inUse == 0)
        #expect(stage.bulkhead.admits)
    }

    @Test("once no call waits, calls need no lock again")
    func unguardedAgain() throws {
        let stage = try Stage(.queueing(1))
        let first = stage.start(1)
        #expect(!stage.bulkhead.reading.isGuarded)
        let second = stage.start(2)
        #expect(stage.bulkhead.reading.isGuarded)
        first.end()
        #expect(!stage.bulkhead.reading.isGuarded)
        second.end()
        let third = stage.start(3)
        stage.start(4).cancel()
        #expect(!stage.bulkhead.reading.isGuarded)
        third.end()
    }

    @Test("how long calls wait can be read: now, on average, and of one call")
    func waitingTime() async throws {
        let stage = try Stage(.queueing(1, maxWait: .seconds(10)))
        #expect(stage.bulkhead.oldestWait == nil && stage.bulkhead.totals.averageWait == nil)
        let first = stage.start(0)
        let execution = Log<Execution<Int>>()
        let second = stage.run { execution.append(await stage.bulkhead.run { 7 }) }
        stage.advance(by: .seconds(2))
        let third = stage.start(3, priority: .high)
        stage.advance(by: .seconds(1))
        #expect(stage.bulkhead.oldestWait == .seconds(3))
        first.end()
        #expect(stage.bulkhead.oldestWait == .seconds(3))
        third.end()
        await second.value
        #expect(stage.bulkhead.oldestWait == nil)
        #expect(stage.bulkhead.totals.waitingTime == .seconds(4) && stage.bulkhead.totals.averageWait == .seconds(2))
        let waits = try #require(execution.elements.first).bulkheadWaits
        #expect(waits.map(\.bulkhead) == ["test"] && waits.map(\.waited) == [.seconds(3)])
        #expect(await stage.bulkhead.run { 7 }.bulkheadWaits.isEmpty)
    }

    @Test("a bulkhead that is released sets no timer and keeps nothing alive")
    func released() throws {
        let clock = ManualClock()
        weak var bulkhead: Bulkhead?
        do {
            let stage = try Stage(.queueing(1), clock: clock)
            bulkhead = stage.bulkhead
            let first = stage.start(0)
            let second = stage.start(1)
            first.end()
            second.end()
            #expect(clock.timerCount == 1)
        }
        #expect(bulkhead == nil && clock.timerCount == 0)
    }
}
