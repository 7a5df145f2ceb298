import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Calls within calls of one bulkhead, where waiting has no end: none waits for the slot that is held for it.
@Suite("Bulkhead: calls within calls", .timeLimit(.minutes(30)))
struct NestedCallTests {
    private func bulkhead(_ limit: Int = 1) throws -> Bulkhead {
        try Bulkhead("test", .queueing(limit, maxWait: nil))
    }

    @Test("with and without the context, three deep, through a partition, and as a permit by hand")
    func nested() async throws {
        let bulkhead = try bulkhead()
        let seen = Log<Int>()
        try await bulkhead.execute { context in
            try await bulkhead.execute(context) { _ in
                try await bulkhead.partition("gold").execute {
                    let permit = try await bulkhead.acquirePermit()
                    seen.append(bulkhead.inUse)
                    permit.release()
                }
            }
        }
        #expect(seen.elements == [1] && bulkhead.inUse == 0 && bulkhead.waiting == 0 && bulkhead.totals.finished == 4)
        #expect(bulkhead.state.withLock { $0.holders.isEmpty })
    }

    @Test("policies that share a bulkhead, one in the other's operation, with a timeout between")
    func policies() async throws {
        let bulkhead = try bulkhead()
        let outer = try Policy("outer") { bulkhead }
        let inner = try Policy("inner") { bulkhead }
        let value = try await outer.execute { try await inner.execute { 7 } }
        #expect(value == 7 && bulkhead.inUse == 0)
    }

    @Test("where no call can wait, a call within a call is one more, and rejected")
    func withoutQueue() async throws {
        let bulkhead = try Bulkhead("test", .init(limit: .fixed(1), queue: .init(capacity: 0, maxWait: nil)))
        await #expect(throws: Bulkhead.RejectedError.self) {
            try await bulkhead.execute { try await bulkhead.execute {} }
        }
        #expect(bulkhead.totals.rejected == 1 && bulkhead.inUse == 0)
    }

    @Test("child tasks take turns in the slot of the call that they belong to")
    func childTasks() async throws {
        let bulkhead = try bulkhead()
        let meter = Meter()
        try await bulkhead.execute {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await bulkhead.execute {
                            meter.enter()
                            await Task.yield()
                            meter.leave()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(meter.most == 1 && bulkhead.inUse == 0 && bulkhead.waiting == 0)
    }

    @Test("an error in the inner call comes through, and the slots come back")
    func failure() async throws {
        let bulkhead = try bulkhead()
        await #expect(throws: InjectedFailure("x")) {
            try await bulkhead.execute { try await bulkhead.execute { throw InjectedFailure("x") } }
        }
        #expect(bulkhead.inUse == 0)
        try await bulkhead.execute {}
    }

    @Test("a task that outlives the call it was started in has no claim to its slot")
    func outlives() async throws {
        let bulkhead = try bulkhead()
        let executor = SteppingExecutor()
        let task = try await bulkhead.execute {
            Task(executorPreference: executor) { try await bulkhead.execute {} }
        }
        let held = try bulkhead.held()
        executor.drain()
        #expect(bulkhead.inUse == 1 && bulkhead.waiting == 1)
        held.release()
        executor.drain()
        try await task.value
        #expect(bulkhead.inUse == 0)
    }

    @Test("a task that an inner call of another bulkhead left behind is still within the outer call")
    func leftBehindByAnother() async throws {
        let (bulkhead, other) = (try bulkhead(), try self.bulkhead())
        let value = try await bulkhead.execute {
            let gate = Waiter<Void>()
            let task = try await other.execute {
                Task {
                    try await gate.value()
                    return try await bulkhead.execute { bulkhead.inUse }
                }
            }
            gate.finish()
            return try await task.value
        }
        #expect(value == 1 && bulkhead.inUse == 0 && other.inUse == 0)
    }

    @Test("tasks that begin one another from within their calls do not hold the calls before")
    func stringTogether() async throws {
        let bulkhead = try bulkhead(2)
        let calls = WeakObjects()
        try await stringOfCalls(200) { operation in
            try await bulkhead.execute {
                calls.note(MarkedCall.current)
                try await operation()
            }
        }
        #expect((1...20).contains(calls.mostAlive), "\(calls.mostAlive)")
    }

    @Test("a slot that is lent when its call ends comes back with the inner call, not before")
    func lentAtTheEnd() async throws {
        let bulkhead = try bulkhead()
        let (started, gate) = (Waiter<Void>(), Waiter<Void>())
        let task = try await bulkhead.execute {
            let task = Task {
                try await bulkhead.execute {
                    started.finish()
                    try await gate.value()
                }
            }
            try await started.value()
            return task
        }
        #expect(bulkhead.inUse == 1 && bulkhead.available == 0)
        gate.finish()
        try await task.value
        #expect(bulkhead.inUse == 0 && bulkhead.state.withLock { $0.holders.isEmpty })
    }

    @Test("other callers wait as ever, and free slots are taken first")
    func others() async throws {
        let bulkhead = try bulkhead(2)
        let value = try await bulkhead.execute { try await bulkhead.execute { bulkhead.inUse } }
        #expect(value == 2 && bulkhead.inUse == 0)
        #expect(try !Bulkhead("bounded", .queueing(1)).marksCalls && !Bulkhead("none", limit: 1).marksCalls)
    }

    @Test("what a call begins in the background waits for a slot of its own")
    func background() async throws {
        let bulkhead = try bulkhead()
        let (waiting, order) = (Waiter<Void>(), Log<String>())
        let task = try await bulkhead.execute {
            let task = Background.begin {
                Task {
                    #expect(throws: Bulkhead.RejectedError.self) { _ = try bulkhead.tryAcquirePermit() }
                    waiting.finish()
                    try await bulkhead.execute { order.append("background") }
                }
            }
            try await waiting.value()
            try await bulkhead.execute { order.append("inner") }
            return task
        }
        try await task.value
        #expect(order.elements == ["inner", "background"] && bulkhead.inUse == 0)
        // What runs there has marks of its own.
        try await Background.begin { Task { try await bulkhead.execute { try await bulkhead.execute {} } } }.value
    }

    // MARK: Calls from before marking began

    @Test(
        "a call within one from before the update is refused when the wait is over that calls had then",
        arguments: [
            Queue(capacity: 9, maxWait: .seconds(5)), Queue(capacity: 0), Queue(capacity: 9, maxWait: .seconds(1)),
        ],
        ["inner", "partition", "permit"])
    func unmarked(queue: Queue, form: String) async throws {
        let clock = ManualClock()
        let bulkhead = try Bulkhead("test", .init(limit: .fixed(1), queue: queue), clock: clock)
        let wait = queue.capacity == 0 ? Duration.seconds(1) : queue.maxWait
        try await bulkhead.execute {
            try bulkhead.update(.queueing(1, maxWait: nil))
            let inner = Task {
                switch form {
                case "permit": try await bulkhead.acquirePermit().release()
                case "partition": try await bulkhead.partition("gold").execute {}
                default: try await bulkhead.execute {}
                }
            }
            try await clock.waitForTimers(1)
            clock.advance(to: .init(offset: wait ?? .zero))
            let error = await #expect(throws: RejectedError.self) { try await inner.value }
            #expect(error?.cause == .timedOut && error?.waited == wait)
        }
        #expect(bulkhead.inUse == 0 && bulkhead.state.withLock { $0.unmarked } == 0)
        // All that is new is known.
        try await bulkhead.execute { try await bulkhead.execute {} }
    }

    @Test("once the calls from before have ended, the others wait without end, or until their own deadline")
    func afterTheUnmarked() async throws {
        let stage = try Stage(.queueing(2, maxWait: .seconds(5)))
        let bulkhead = stage.bulkhead
        let (first, second) = (stage.start(1), stage.start(2))
        try bulkhead.update(.queueing(2, maxWait: nil))
        let third = stage.start(3)
        let fourth = stage.start(4, deadline: .seconds(8))
        let fifth = stage.start(5)
        first.end()
        second.end()
        #expect(stage.started.elements == [1, 2, 3, 4] && bulkhead.state.withLock { $0.unmarked } == 0)
        let sixth = stage.start(6, deadline: .seconds(7))
        stage.advance(by: .seconds(6))
        #expect(stage.outcome(5) == nil && bulkhead.waiting == 2)
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(6) == "timedOut" && bulkhead.waiting == 1)
        stage.advance(by: .seconds(10_000))
        #expect(stage.outcome(5) == nil)
        for call in [third, fourth, fifth] { call.end() }
        #expect(stage.outcome(5) == "finished" && bulkhead.inUse == 0)
        withExtendedLifetime(sixth) {}
    }

    @Test("permits that are held, and updates there and back, are counted as what they are")
    func counting() async throws {
        let bulkhead = try Bulkhead("test", .queueing(4))
        let old = try bulkhead.held()
        try bulkhead.update(.queueing(4, maxWait: nil))
        #expect(bulkhead.state.withLock { $0.unmarked } == 1)
        let new = try bulkhead.held()
        try await bulkhead.execute { #expect(bulkhead.state.withLock { $0.unmarked } == 1) }
        new.release()
        #expect(bulkhead.state.withLock { $0.unmarked } == 1)
        let newer = try bulkhead.held()
        try bulkhead.update(.queueing(4))
        #expect(bulkhead.state.withLock { $0.unmarked } == 0)
        try await bulkhead.execute {
            try bulkhead.update(.queueing(4, maxWait: nil))
            #expect(bulkhead.state.withLock { $0.unmarked } == 3)
            newer.release()
            #expect(bulkhead.state.withLock { $0.unmarked } == 2)
        }
        old.release()
        #expect(bulkhead.state.withLock { $0.unmarked } == 0 && bulkhead.inUse == 0)
    }

    @Test("a call that waited through the update is marked when its turn comes")
    func waitedThrough() async throws {
        // On a clock that stands still: the wait must not end by itself.
        let bulkhead = try Bulkhead("test", .queueing(1, maxWait: .seconds(5)), clock: ManualClock())
        let held = try bulkhead.held()
        let call = Task.immediate { try await bulkhead.execute { try await bulkhead.execute {} } }
        #expect(bulkhead.waiting == 1)
        try bulkhead.update(.queueing(1, maxWait: nil))
        held.release()
        try await call.value
        #expect(bulkhead.inUse == 0 && bulkhead.state.withLock { $0.unmarked } == 0)
    }
}
