import ResilienceCore
import ResilienceTesting
import Retries
import TestSupport
import Testing

@testable import Bulkheads

/// The rows of other toolkits.
@Suite("Bulkhead: scenarios", .timeLimit(.minutes(30)))
struct ScenarioTests {
    @Test("R4-39: two slots: in, in, in, out, out, in")
    func slots() throws {
        let stage = try Stage(.init(limit: .fixed(2)), observed: true)
        let bulkhead = stage.bulkhead
        let first = try bulkhead.held()
        let second = try bulkhead.held()
        #expect(bulkhead.available == 0)
        let expected = RejectedError(policyName: "test", cause: .full, limit: 2, waited: .zero)
        #expect(throws: expected) { _ = try bulkhead.tryAcquirePermit() }
        first.release()
        #expect(bulkhead.available == 1)
        second.release()
        #expect(bulkhead.available == 2)
        let third = try bulkhead.held()
        #expect(
            stage.names == ["permitted", "permitted", "rejected", "finished", "finished", "permitted"])
        third.release()
    }

    @Test("R4-39: the same without an observer, one step each")
    func slotsUnobserved() throws {
        let bulkhead = try Bulkhead("test", limit: 2)
        let first = try bulkhead.held()
        let second = try bulkhead.held()
        #expect(!bulkhead.admits)
        first.release()
        #expect(bulkhead.available == 1)
        second.release()
        #expect(bulkhead.available == 2 && bulkhead.admits)
        #expect(bulkhead.totals == totals(finished: 3, rejected: 1))
    }

    @Test("R4-40: no slots: refused", arguments: [true, false])
    func noSlots(observed: Bool) throws {
        let stage = try Stage(.init(limit: .fixed(0)), observed: observed)
        #expect(throws: RejectedError.self) { _ = try stage.bulkhead.tryAcquirePermit() }
        #expect(stage.bulkhead.totals == totals(rejected: 1))
    }

    @Test("R4-41: one slot, wait 50 ms: the second is refused after 50 ms")
    func refusedAfterWait() throws {
        let stage = try Stage(.queueing(1, maxWait: .milliseconds(50)))
        let first = stage.start(1)
        _ = stage.start(2)
        stage.advance(by: .nanoseconds(49_999_999))
        #expect(stage.outcome(2) == nil && stage.bulkhead.waiting == 1)
        stage.advance(by: .nanoseconds(1))
        #expect(stage.outcome(2) == "timedOut" && stage.bulkhead.waiting == 0)
        first.end()
        #expect(stage.started.elements == [1])
        #expect(
            stage.bulkhead.totals
                == totals(finished: 1, rejected: 1, timedOut: 1, waited: 1, waitingTime: .milliseconds(50)))
    }

    @Test(
        "FS-21: a retry of 7 around a full bulkhead: 7 attempts, no calls, full; by default one attempt",
        arguments: [(.waitUntilRetryAfter, 7), (.giveUp, 1)] as [(Retry.OnRejection, Int)])
    func retryAround(onRejection: Retry.OnRejection, attempts: Int) async throws {
        let bulkhead = try Bulkhead("test", limit: 1)
        let held = try bulkhead.held()
        let policy = try Policy("policy") {
            Retry.layer(.init(backoff: .immediate, maxAttempts: 7, onRejection: onRejection))
            bulkhead
        }
        let calls = Log<Void>()
        await #expect(throws: RejectedError(policyName: "test", cause: .full, limit: 1, waited: .zero)) {
            try await policy.execute { calls.append(()) }
        }
        #expect(calls.elements.isEmpty && bulkhead.totals == totals(rejected: attempts))
        held.release()
    }

    @Test("a call whose wait has failed is not queued again by a retry")
    func retryAroundQueue() async throws {
        let stage = try Stage(.queueing(1))
        let held = try stage.bulkhead.held()
        let policy = try Policy("policy", clock: stage.clock) {
            Retry.layer(.init(backoff: .immediate, maxAttempts: 7))
            stage.bulkhead
        }
        let task = stage.run { await #expect(throws: RejectedError.self) { try await policy.execute {} } }
        stage.advance(by: .seconds(1))
        await task.value
        #expect(stage.bulkhead.totals.timedOut == 1 && stage.bulkhead.totals.calls == 1)
        held.release()
    }

    @Test("FS-34: cancelled while waiting for a slot: no calls, at once, and no slot is lost")
    func cancelledWhileWaiting() throws {
        let stage = try Stage(.queueing(1))
        let first = stage.start(1)
        let second = stage.start(2)
        second.cancel()
        #expect(stage.outcome(2) == "cancelled" && stage.bulkhead.waiting == 0)
        first.end()
        #expect(stage.started.elements == [1] && stage.bulkhead.available == 1)
        #expect(stage.bulkhead.totals == totals(finished: 1, cancelled: 1, waited: 1))
    }
}

func totals(
    finished: Int = 0, rejected: Int = 0, displaced: Int = 0, timedOut: Int = 0, cancelled: Int = 0,
    waited: Int = 0, waitingTime: Duration = .zero
) -> Totals {
    var totals = Totals()
    totals.finished = finished
    totals.rejected = rejected
    totals.displaced = displaced
    totals.timedOut = timedOut
    totals.cancelled = cancelled
    totals.waited = waited
    totals.waitingTime = waitingTime
    return totals
}
