import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing
import Timeouts

@testable import Bulkheads

/// What an adaptive bulkhead takes for overload, with the real types around it and inside.
@Suite("Bulkhead: overload", .timeLimit(.minutes(30)))
struct OverloadTests {
    private struct Wrapped: ErrorWrapper { let wrappedError: any Error }
    private struct Busy: OverloadError {}
    private func adaptive(_ clock: ManualClock) throws -> Bulkhead {
        try Bulkhead("test", .init(limit: .adaptive(.aimd(initial: 100, minimum: 1))), clock: clock)
    }

    @Test("calls that time out shrink the limit, whichever is outside", arguments: [true, false])
    func timeouts(isBulkheadOutside: Bool) async throws {
        let clock = ManualClock()
        let bulkhead = try adaptive(clock)
        let timeout = try Timeout(.seconds(1), clock: clock)
        let policy = try Policy("test", clock: clock) {
            if isBulkheadOutside {
                bulkhead
                timeout
            } else {
                timeout
                bulkhead
            }
        }
        for limit in [90, 81, 72] {
            let call = Task { try await policy.execute { try await Waiter<Void>().value { true } } }
            try await clock.waitForTimers(1)
            clock.advance(by: .seconds(1))
            await #expect(throws: Timeout.ExceededError.self) { try await call.value }
            #expect(bulkhead.limit == limit)
        }
    }

    @Test("errors inside wrappers count as themselves; a rejection inside is no overload, also after the deadline")
    func errors() async throws {
        for (error, isDrop) in [
            (Busy(), true), (Wrapped(wrappedError: Busy()), true), (InjectedFailure(), false),
            (Wrapped(wrappedError: InjectedFailure()), false), (Refused(), false),
            (Wrapped(wrappedError: Refused()), false), (CancellationError(), false),
        ] as [(any Error, Bool)] {
            let bulkhead = try adaptive(ManualClock())
            await #expect(throws: (any Error).self) { try await bulkhead.execute { throw error } }
            #expect(bulkhead.limit == (isDrop ? 90 : 100), "\(error)")
            let other = try adaptive(ManualClock())
            try other.tryAcquirePermit().release(after: error)
            #expect(other.limit == bulkhead.limit, "\(error)")
        }
    }

    @Test(
        "after the deadline a failure is a drop, of a permit by hand as of a call, also if only its beginning knew the call",
        arguments: [true, false])
    func late(isToldAtEnd: Bool) throws {
        for (error, isDrop) in [(InjectedFailure(), true), (CancellationError(), true), (Refused(), false)]
            as [(any Error, Bool)]
        {
            let clock = ManualClock()
            let bulkhead = try adaptive(clock)
            var context = bulkhead.rootContext
            context.deadline = context.time.now.advanced(by: .seconds(1))
            let permit = try bulkhead.tryAcquirePermit(in: context)
            clock.advance(by: .seconds(2))
            permit.release(after: error, in: isToldAtEnd ? context : nil)
            #expect(bulkhead.limit == (isDrop ? 90 : 100), "\(error)")
        }
    }

    @Test("a permit knows the context it was acquired with, and the limit around the task", arguments: 0..<4)
    func contextOfAPermit(way: Int) async throws {
        let clock = ManualClock()
        let bulkhead = try adaptive(clock)
        let outer = try Policy("outer", clock: clock) { Timeout.layer(.seconds(1)) }
        await #expect(throws: Timeout.ExceededError.self) {
            try await outer.execute { context in
                let permit =
                    switch way {
                    case 0: try bulkhead.tryAcquirePermit(in: context)
                    case 1: try await bulkhead.acquirePermit(in: context)
                    case 2: try bulkhead.tryAcquirePermit()
                    default: try await bulkhead.acquirePermit(priority: .high)
                    }
                // The client notices before the timer does.
                clock.advance(by: .seconds(1))
                permit.release(after: InjectedFailure())
                throw InjectedFailure()
            }
        }
        #expect(bulkhead.limit == 90)
    }

    @Test("the caller's cancellation says nothing, of a permit by hand as of a call")
    func cancelled() async throws {
        let bulkhead = try adaptive(ManualClock())
        try await inCancelledTask {
            try? bulkhead.tryAcquirePermit().release(after: Busy())
            _ = try? await bulkhead.execute { throw Busy() }
        }
        #expect(bulkhead.limit == 100)
    }

    @Test("a partition that is removed while its calls run keeps its place until they have ended")
    func removedPartition() throws {
        var state = BulkheadState<Int>(Configuration(limit: .fixed(2), partitions: ["gold": 0.5]))
        let gold = state.part("gold")
        _ = state.takeFreeSlot(gold)
        state.update(Configuration(limit: .fixed(2), partitions: ["free": 0.5]), limit: 2)
        #expect(state.part("free") != gold && state.parts.count == 3)
        _ = state.giveBack(gold)
        state.update(Configuration(limit: .fixed(2), partitions: ["new": 0.5]), limit: 2)
        #expect(state.part("new") == gold && state.parts.count == 3)
    }

    @Test(
        "a call that is still waiting at its deadline was refused, whichever timer comes first; it says nothing about the service",
        arguments: ["policy", "nested", "hand"])
    func waitingAtTheDeadline(form: String) async throws {
        let clock = ManualClock()
        let bulkhead = try Bulkhead(
            "b", .init(limit: .fixed(1), queue: .init(capacity: 5, maxWait: .seconds(60))), clock: clock)
        let timeout = try Timeout(.seconds(2), clock: clock)
        let policy = try Policy("p", clock: clock) {
            timeout
            bulkhead
        }
        let held = try bulkhead.tryAcquirePermit()
        let call = Task {
            switch form {
            case "policy": try await policy.execute {}
            case "nested": try await timeout.execute { try await bulkhead.execute {} }
            default:
                try await timeout.execute {
                    let permit = try await bulkhead.acquirePermit()
                    permit.release()
                }
            }
        }
        try await clock.waitForTimers(2)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: Bulkhead.RejectedError.self) { try await call.value }
        #expect(error?.cause == .timedOut && timeout.totals.rejectedInside == 1 && timeout.totals.exceeded == 0)
        #expect(bulkhead.totals.timedOut == 1 && bulkhead.totals.cancelled == 0 && bulkhead.waiting == 0)
        held.release()
    }
}
