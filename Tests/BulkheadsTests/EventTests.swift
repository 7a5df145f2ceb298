import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// What observers hear.
@Suite("Bulkhead: events", .timeLimit(.minutes(30)))
struct EventTests {
    @Test("every kind, in order, with what it tells")
    func kinds() throws {
        let stage = try Stage(.queueing(1, capacity: 2), observed: true)
        let first = stage.start(0)
        let second = stage.start(1)
        stage.start(2).cancel()
        stage.advance(by: .milliseconds(500))
        first.end()
        try stage.bulkhead.resize(to: 0)
        stage.advance(by: .milliseconds(250))
        second.end()
        _ = stage.start(3)
        stage.advance(by: .seconds(1))
        #expect(
            stage.events.map(\.description) == [
                "bulkhead \"test\" let a call through, 1 in use",
                "bulkhead \"test\" has no free slot, 1 waiting",
                "bulkhead \"test\" has no free slot, 2 waiting",
                "bulkhead \"test\" lost a waiting call after 0 seconds: cancelled",
                "bulkhead \"test\" saw a call end after 500 milliseconds, 0 in use",
                "bulkhead \"test\" let a call through after 500 milliseconds, 1 in use",
                "bulkhead \"test\" changed its limit from 1 to 0",
                "bulkhead \"test\" saw a call end after 250 milliseconds, 0 in use",
                "bulkhead \"test\" has no free slot, 1 waiting",
                "bulkhead \"test\" had no free slot within 1 second",
            ])
        #expect(
            stage.names == [
                "permitted", "queued", "queued", "cancelled", "finished", "permitted", "limit_changed", "finished",
                "queued", "rejected",
            ])
        #expect(stage.events.allSatisfy { $0.source == "test" })
        #expect(stage.events.filter { $0.severity == .info }.map(\.name) == ["bulkhead.limit_changed"])
    }

    @Test("an observer that comes late hears of no end without a beginning")
    func late() throws {
        let stage = try Stage(.init(limit: .fixed(3)))
        let early = try stage.bulkhead.held()
        #expect(!stage.bulkhead.reading.isGuarded)
        stage.bulkhead.addObserver(stage.recorder)
        #expect(stage.bulkhead.reading.isGuarded)
        early.release()
        #expect(stage.names == [])
        try stage.bulkhead.held().release()
        #expect(stage.names == ["permitted", "finished"] && stage.bulkhead.inUse == 0)
    }

    /// Takes a slot of the bulkhead that it hears from.
    private struct Nosy: PolicyObserver {
        let bulkhead: Bulkhead
        let seen = Log<Int>()

        func observe(_ event: some PolicyEvent) {
            seen.append(bulkhead.inUse)
            if case .limitChanged? = (event as? Event)?.kind { try? bulkhead.held().release() }
        }
    }

    @Test("an observer may use the bulkhead")
    func observerUsesBulkhead() throws {
        let bulkhead = try Bulkhead("test", limit: 2)
        let nosy = Nosy(bulkhead: bulkhead)
        bulkhead.addObserver(nosy)
        try bulkhead.resize(to: 3)
        #expect(nosy.seen.elements.count == 3 && bulkhead.inUse == 0)
    }

    @Test("rejections say what is the matter")
    func rejections() {
        func error(_ cause: RejectedError.Cause, limit: Int = 2) -> RejectedError {
            RejectedError(policyName: "payments", cause: cause, limit: limit, waited: .milliseconds(1500))
        }
        #expect("\(error(.full))" == "bulkhead \"payments\" is full with 2 calls")
        #expect("\(error(.full, limit: 1))" == "bulkhead \"payments\" is full with 1 call")
        #expect("\(error(.full, limit: 0))" == "bulkhead \"payments\" lets no calls through")
        #expect("\(error(.timedOut))" == "bulkhead \"payments\" had no free slot within 1.5 seconds")
        #expect("\(error(.displaced))" == "bulkhead \"payments\" is full, and another call goes first")
        #expect(RejectedError.Cause.allCases.map { error($0).reason }.count == 3)
        let rejection: any PolicyRejection = error(.full)
        #expect(rejection.policyName == "payments" && rejection.retryAfter == .zero)
        #expect(error(.displaced).retryAfter == .zero && error(.full, limit: 0).retryAfter == nil)
        #expect(error(.timedOut).retryAfter == nil)
        #expect(rejection.reason == "bulkhead is full")
    }
}
