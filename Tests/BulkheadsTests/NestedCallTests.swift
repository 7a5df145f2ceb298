import ResilienceCore
import ResilienceTesting
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
        let gate = Waiter<Void>()
        let task = try await bulkhead.execute {
            Task {
                try await gate.value()
                try await bulkhead.execute {}
            }
        }
        let held = try bulkhead.held()
        gate.finish()
        while bulkhead.waiting == 0 { await Task.yield() }
        #expect(bulkhead.inUse == 1)
        held.release()
        try await task.value
        #expect(bulkhead.inUse == 0)
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
                    await #expect(throws: Bulkhead.RejectedError.self) { _ = try bulkhead.tryAcquirePermit() }
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
}
