import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// A bulkhead that holds an adaptive limit.
@Suite("Bulkhead: adaptation", .timeLimit(.minutes(30)))
struct AdaptationTests {
    struct Sample: Sendable, Equatable {
        let roundTripTime: Duration
        let inFlight: Int
        let isDropped: Bool
        let at: Int64
    }

    /// Does what a test says and keeps what it was told.
    struct ScriptedLimit: ConcurrencyLimit {
        var limit: Int
        var changes: [Int] = []
        let samples = Log<Sample>()
        let seeds = Log<Double>()
        var fault: String?

        mutating func seed(from random: RandomSource) { seeds.append(random.next()) }

        mutating func record(
            roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
        ) {
            samples.append(
                Sample(
                    roundTripTime: roundTripTime, inFlight: inFlight, isDropped: isDropped,
                    at: now.nanoseconds / 1_000_000_000))
            if !changes.isEmpty { limit = changes.removeFirst() }
        }

        func validate() throws(ConfigurationError) {
            if let fault { throw ConfigurationError(.init(field: "limit.x", value: fault, violation: "is bad")) }
        }
    }

    struct Overloaded: OverloadError {}

    @Test("round trips, calls in flight and drops are told; other failures, rejections and cancellations are not")
    func samples() throws {
        let limit = ScriptedLimit(limit: 8)
        let stage = try Stage(.init(limit: .adaptive(limit)))
        let calls = (0..<5).map { id in
            stage.advance(by: .seconds(1))
            return stage.start(id)
        }
        calls[0].end()
        calls[1].fail()
        calls[2].task.cancel()
        calls[2].fail(CancellationError())
        calls[3].fail(Overloaded())
        calls[4].fail(RejectedError(policyName: "inner", cause: .full, limit: 1, waited: .zero))
        #expect(
            limit.samples.elements == [
                Sample(roundTripTime: .seconds(4), inFlight: 1, isDropped: false, at: 5),
                Sample(roundTripTime: .seconds(1), inFlight: 4, isDropped: true, at: 5),
            ])
    }

    @Test("chosen errors are drops; a cancellation is one if the deadline has passed")
    func rule() throws {
        let limit = ScriptedLimit(limit: 8)
        let stage = try Stage(.init(limit: .adaptive(limit, handles: .only(InjectedFailure.self))))
        stage.start(0).fail()
        stage.start(1).fail(Overloaded())
        let late = stage.start(2, deadline: .seconds(1))
        let early = stage.start(3, deadline: .seconds(3))
        stage.advance(by: .seconds(2))
        late.fail(CancellationError())
        early.fail(CancellationError())
        #expect(limit.samples.elements.map(\.isDropped) == [true, true])
        #expect(limit.samples.elements.map(\.roundTripTime) == [.zero, .seconds(2)])
    }

    @Test("what it learns is put in force: more slots for waiting calls, or fewer", arguments: [true, false])
    func adapts(observed: Bool) throws {
        let limit = ScriptedLimit(limit: 2, changes: [3, 3, 1, 0])
        let stage = try Stage(
            .init(limit: .adaptive(limit), queue: .init(capacity: 10, maxWait: .seconds(100))), observed: observed)
        let calls = (0..<8).map { stage.start($0) }
        #expect(stage.bulkhead.limit == 2 && stage.bulkhead.waiting == 6)
        stage.advance(by: .seconds(1))
        calls[0].end()
        #expect(stage.bulkhead.limit == 3 && stage.bulkhead.inUse == 3)
        calls[1].end()
        #expect(stage.bulkhead.limit == 3 && stage.bulkhead.inUse == 3 && stage.bulkhead.waiting == 3)
        calls[2].end()
        #expect(stage.bulkhead.limit == 1 && stage.bulkhead.inUse == 3)
        // Below 1 is 1: no limit keeps out every call for good.
        calls[3].end()
        #expect(stage.bulkhead.limit == 1 && stage.bulkhead.inUse == 2)
        calls[4].end()
        calls[5].end()
        #expect(stage.bulkhead.inUse == 1)
        // Without the time that calls have waited.
        #expect(limit.samples.elements.map(\.roundTripTime).prefix(3) == [.seconds(1), .seconds(1), .zero])
        guard observed else { return }
        let changes = stage.events.compactMap { event -> [Int]? in
            if case .limitChanged(let old, let new, true) = event.kind { [old, new] } else { nil }
        }
        #expect(changes == [[2, 3], [3, 1]])
    }

    @Test("a permit tells how its call ended; one that is dropped tells nothing")
    func permits() throws {
        let limit = ScriptedLimit(limit: 8)
        let stage = try Stage(.init(limit: .adaptive(limit)))
        try stage.bulkhead.held().release()
        try stage.bulkhead.held().release(after: Overloaded())
        try stage.bulkhead.held().release(after: InjectedFailure())
        _ = try stage.bulkhead.held()
        #expect(limit.samples.elements.map(\.isDropped) == [false, true])
    }

    @Test("an algorithm is seeded once, when it is put to work, and not by an update that keeps it")
    func seeded() throws {
        let limit = ScriptedLimit(limit: 2)
        let stage = try Stage(.init(limit: .adaptive(limit)))
        #expect(limit.seeds.elements == [0.5])
        try stage.bulkhead.update(stage.bulkhead.configuration)
        #expect(limit.seeds.elements == [0.5])
        try stage.bulkhead.update(.init(limit: .adaptive(limit)))
        #expect(limit.seeds.elements == [0.5, 0.5])
    }

    @Test("shares follow the limit")
    func shares() throws {
        let limit = ScriptedLimit(limit: 2, changes: [8])
        let stage = try Stage(.init(limit: .adaptive(limit), partitions: ["gold": 0.5]))
        #expect(stage.bulkhead.partition("gold").guaranteed == 1)
        try stage.bulkhead.held(partition: "gold").release()
        #expect(stage.bulkhead.partition("gold").guaranteed == 4 && stage.bulkhead.limit == 8)
        #expect(limit.samples.elements.map(\.inFlight) == [1])
    }

    @Test("what was learned is kept by an update that keeps the limit, and given up with it")
    func update() throws {
        let limit = ScriptedLimit(limit: 2, changes: [5])
        let stage = try Stage(.init(limit: .adaptive(limit)))
        try stage.bulkhead.held().release()
        var configuration = stage.bulkhead.configuration
        configuration.queue = .init(capacity: 3)
        try stage.bulkhead.update(configuration)
        #expect(stage.bulkhead.limit == 5)
        try stage.bulkhead.resize(to: 3)
        #expect(stage.bulkhead.limit == 3 && !stage.bulkhead.reading.isTimed)
        try stage.bulkhead.held().release()
        #expect(limit.samples.elements.count == 1)
        try stage.bulkhead.update(configuration)
        #expect(stage.bulkhead.limit == 2 && stage.bulkhead.reading.isTimed)
    }

    @Test("another algorithm goes on from what the present one has learned")
    func resume() throws {
        let limit = ScriptedLimit(limit: 2, changes: [50])
        let stage = try Stage(.init(limit: .adaptive(limit)), observed: true)
        try stage.bulkhead.held().release()
        try stage.bulkhead.update(.init(limit: .adaptive(.aimd(initial: 2, minimum: 1, maximum: 40))))
        #expect(stage.bulkhead.limit == 40)
        try stage.bulkhead.update(.init(limit: .adaptive(.vegas(initial: 2))))
        #expect(stage.bulkhead.limit == 40)
        #expect(stage.names == ["permitted", "finished", "limit_changed", "limit_changed"])
        // A fixed limit has learned nothing.
        try stage.bulkhead.resize(to: 3)
        try stage.bulkhead.update(.init(limit: .adaptive(.vegas(initial: 7))))
        #expect(stage.bulkhead.limit == 7)
    }

    @Test("the faults of an algorithm are faults of the configuration")
    func faults() {
        let configuration = Configuration(
            limit: .adaptive(ScriptedLimit(limit: 1, fault: "7")), queue: .init(capacity: -1))
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.faults.map(\.field) == ["bulkhead.limit.x", "bulkhead.queue.capacity"])
    }
}
