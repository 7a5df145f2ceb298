import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Slots that are taken by hand.
@Suite("Bulkhead: permits", .timeLimit(.minutes(30)))
struct PermitTests {
    @Test("released or dropped, a permit gives its slot back once", arguments: [true, false])
    func released(observed: Bool) throws {
        let stage = try Stage(.init(limit: .fixed(3)), observed: observed)
        let bulkhead = stage.bulkhead
        do {
            let first = try bulkhead.tryAcquirePermit()
            let second = try bulkhead.tryAcquirePermit()
            let third = try bulkhead.tryAcquirePermit()
            #expect(bulkhead.inUse == 3 && bulkhead.available == 0)
            first.release()
            second.release(after: InjectedFailure())
            #expect(bulkhead.inUse == 1)
            _ = third
        }
        #expect(bulkhead.inUse == 0 && bulkhead.totals == totals(finished: 3))
    }

    @Test("acquire waits in the queue, tryAcquire does not")
    func acquire() async throws {
        let stage = try Stage(.queueing(1))
        let held = try stage.bulkhead.held()
        #expect(!stage.bulkhead.admits)
        let low = stage.run {
            do {
                let permit = try await stage.bulkhead.acquirePermit(priority: .low)
                stage.started.append(1)
                permit.release()
            } catch { Issue.record(error) }
        }
        let normal = stage.run {
            do {
                let permit = try await stage.bulkhead.acquirePermit()
                stage.started.append(2)
                permit.release()
            } catch { Issue.record(error) }
        }
        #expect(stage.bulkhead.waiting == 2)
        held.release()
        stage.settle()
        await low.value
        await normal.value
        #expect(stage.started.elements == [2, 1] && stage.bulkhead.inUse == 0)
        let permit = try await stage.bulkhead.acquirePermit()
        #expect(stage.bulkhead.inUse == 1)
        permit.release()
    }

    @Test("an error of the operation gives the slot back and comes through unchanged")
    func failure() async throws {
        let bulkhead = try Bulkhead("test", limit: 1)
        for _ in 1...3 {
            await #expect(throws: InjectedFailure("x")) { try await bulkhead.execute { throw InjectedFailure("x") } }
        }
        #expect(bulkhead.inUse == 0 && bulkhead.totals == totals(finished: 3))
    }

    @Test("an operation may use the bulkhead it runs in")
    func nested() async throws {
        let bulkhead = try Bulkhead("test", limit: 2)
        let value = try await bulkhead.execute { try await bulkhead.execute { bulkhead.inUse } }
        #expect(value == 2 && bulkhead.inUse == 0)
    }
}
