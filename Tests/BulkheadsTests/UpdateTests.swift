import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Retuning while calls run and wait.
@Suite("Bulkhead: update", .timeLimit(.minutes(30)))
struct UpdateTests {
    @Test("a larger limit gives its slots to waiting calls", arguments: [true, false])
    func larger(observed: Bool) throws {
        let stage = try Stage(.queueing(1), observed: observed)
        let calls = (0..<5).map { stage.start($0) }
        try stage.bulkhead.resize(to: 4)
        stage.settle()
        #expect(stage.started.elements == [0, 1, 2, 3] && stage.bulkhead.waiting == 1 && stage.bulkhead.limit == 4)
        for call in calls { call.end() }
        #expect(stage.bulkhead.inUse == 0)
    }

    @Test("a smaller limit lets calls end, and lets none in before", arguments: [true, false])
    func smaller(observed: Bool) throws {
        let stage = try Stage(.init(limit: .fixed(4)), observed: observed)
        let calls = (0..<4).map { stage.start($0) }
        try stage.bulkhead.resize(to: 2)
        #expect(stage.bulkhead.inUse == 4 && stage.bulkhead.available == 0 && stage.bulkhead.limit == 2)
        for call in calls.prefix(2) {
            call.end()
            #expect(!stage.bulkhead.admits)
        }
        calls[2].end()
        #expect(stage.bulkhead.available == 1 && stage.bulkhead.admits)
    }

    @Test("a limit of 0 is a pause: calls wait for another limit, or are rejected where there is no queue")
    func pause() throws {
        let stage = try Stage(.queueing(2))
        try stage.bulkhead.resize(to: 0)
        let call = stage.start(0)
        #expect(stage.bulkhead.waiting == 1 && stage.started.elements == [])
        try stage.bulkhead.resize(to: 1)
        stage.settle()
        #expect(stage.started.elements == [0])
        call.end()
        #expect(stage.outcome(0) == "finished")
    }

    @Test("waiting calls keep their place and their time when the queue changes")
    func queue() throws {
        let stage = try Stage(.queueing(1, maxWait: .seconds(10)))
        let first = stage.start(0)
        for id in 1...3 { _ = stage.start(id) }
        try stage.bulkhead.update(.queueing(1, capacity: 1, maxWait: .seconds(1), order: .newestFirst))
        #expect(stage.bulkhead.waiting == 3)
        // The queue is over-full: a new call takes the place of the oldest, as the new order says.
        _ = stage.start(4)
        #expect(stage.bulkhead.waiting == 3 && stage.outcome(1) == "displaced")
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(4) == "timedOut" && stage.bulkhead.waiting == 2)
        first.end()
        #expect(stage.started.elements == [0, 3])
        try stage.bulkhead.update(.init(limit: .fixed(1)))
        _ = stage.start(5)
        #expect(stage.outcome(5) == "full" && stage.bulkhead.waiting == 1)
        stage.advance(by: .seconds(9))
        #expect(stage.outcome(2) == "timedOut")
    }

    @Test("a bad update changes nothing")
    func bad() throws {
        let stage = try Stage(.queueing(3))
        #expect(throws: ConfigurationError.self) { try stage.bulkhead.resize(to: -1) }
        #expect(throws: ConfigurationError.self) {
            try stage.bulkhead.update(.init(limit: .fixed(9), queue: .init(capacity: -1)))
        }
        #expect(stage.bulkhead.limit == 3 && stage.bulkhead.configuration.queue.capacity == 100)
    }

    @Test("totals survive every change")
    func totalsSurvive() throws {
        let stage = try Stage(.queueing(1, capacity: 1))
        let first = stage.start(0)
        _ = stage.start(1)
        _ = stage.start(2)
        stage.advance(by: .seconds(1))
        let before = stage.bulkhead.totals
        #expect(before == totals(rejected: 2, timedOut: 1, waited: 1, waitingTime: .seconds(1)))
        try stage.bulkhead.update(.init(limit: .fixed(7), partitions: ["a": 1]))
        #expect(stage.bulkhead.totals == before)
        first.end()
        #expect(stage.bulkhead.totals.finished == 1 && stage.bulkhead.totals.calls == 3)
    }
}
