import ResilienceCore
import ResilienceTesting
import Testing

@testable import Bulkheads

/// What a bulkhead tells about itself.
@Suite("Bulkhead: metrics", .timeLimit(.minutes(30)))
struct MetricTests {
    private func values(_ sources: any MetricSource...) -> [String: MetricValue] {
        var values: [String: MetricValue] = [:]
        for entry in MetricCollection(of: sources).entries {
            for sample in entry.samples {
                let name = entry.family.name.dropFirst("resilience.".count)
                values[([String(name)] + sample.labels.dropFirst()).joined(separator: " ")] = sample.value
            }
        }
        return values
    }

    private func waits(_ calls: CallMetrics) -> DurationHistogram.Snapshot? {
        guard case .histogram(let snapshot) = values(calls)["bulkhead.wait_duration"] else { return nil }
        return snapshot
    }

    @Test("X-22: everything is there before the first call, at zero")
    func beforeFirstCall() throws {
        let calls = CallMetrics()
        let bulkhead = try Bulkhead(
            "b", .init(limit: .fixed(3), queue: .init(capacity: 5), partitions: ["gold": 0.5]), observers: [calls])
        #expect(
            values(bulkhead) == [
                "bulkhead.available_concurrent_calls": .integer(3),
                "bulkhead.max_allowed_concurrent_calls": .integer(3), "bulkhead.waiting": .integer(0),
                "bulkhead.queue_capacity": .integer(5), "bulkhead.calls finished": .integer(0),
                "bulkhead.calls rejected": .integer(0), "bulkhead.calls cancelled": .integer(0),
                "bulkhead.rejected full": .integer(0), "bulkhead.rejected displaced": .integer(0),
                "bulkhead.rejected timed_out": .integer(0), "bulkhead.partition_in_use gold": .integer(0),
                "bulkhead.partition_guaranteed gold": .integer(1), "bulkhead.partition_waiting gold": .integer(0),
            ])
        #expect(waits(calls)?.count == 0)
    }

    @Test("slots, queue, partitions and rejections by their cause")
    func counts() throws {
        let stage = try Stage(
            .init(limit: .fixed(2), queue: .init(capacity: 2), partitions: ["gold": 0.5]))
        let calls = CallMetrics()
        stage.bulkhead.addObserver(calls)
        #expect(!stage.bulkhead.events.isListening)
        let gold = stage.start(0, partition: "gold")
        let plain = stage.start(1)
        let waiting = stage.start(2, partition: "gold")
        _ = stage.start(3, priority: .low)
        _ = stage.start(4, priority: .high)  // Takes the place of 3.
        _ = stage.start(5, priority: .low)  // No place.
        _ = try? stage.bulkhead.held()  // No place either: does not wait.
        stage.advance(by: .milliseconds(250))
        waiting.cancel()
        var read = values(stage.bulkhead)
        #expect(read["bulkhead.available_concurrent_calls"] == .integer(0))
        #expect(read["bulkhead.waiting"] == .integer(1))
        #expect(read["bulkhead.partition_in_use gold"] == .integer(1))
        #expect(read["bulkhead.partition_waiting gold"] == .integer(0))
        stage.advance(by: .milliseconds(750))
        gold.end()
        plain.end()
        read = values(stage.bulkhead)
        #expect(read["bulkhead.available_concurrent_calls"] == .integer(2))
        #expect(read["bulkhead.calls finished"] == .integer(2))
        #expect(read["bulkhead.calls rejected"] == .integer(4))
        #expect(read["bulkhead.calls cancelled"] == .integer(1))
        #expect(read["bulkhead.rejected displaced"] == .integer(1))
        #expect(read["bulkhead.rejected full"] == .integer(2))
        #expect(read["bulkhead.rejected timed_out"] == .integer(1))
        // Displaced at once, cancelled after 250 ms, timed out after 1 s; the calls let through at once are not there.
        #expect(waits(calls)?.count == 3)
        #expect(waits(calls)?.sum == .milliseconds(1250))
    }

    @Test("the wait of a call that is let through is measured as well")
    func waited() throws {
        let stage = try Stage(.queueing(1))
        let calls = CallMetrics()
        stage.bulkhead.addObserver(calls)
        let first = stage.start(0)
        let second = stage.start(1)
        stage.advance(by: .milliseconds(3))
        first.end()
        second.end()
        #expect(waits(calls)?.count == 1 && waits(calls)?.sum == .milliseconds(3))
        #expect(stage.bulkhead.totals.waitingTime == .milliseconds(3))
    }

    @Test("partitions that are gone are gone from the metrics")
    func partitions() throws {
        let bulkhead = try Bulkhead("b", .init(partitions: ["a": 0.5, "b": 0.5]))
        let held = try bulkhead.held(partition: "a")
        try bulkhead.update(.init(partitions: ["b": 1]))
        let read = values(bulkhead)
        #expect(read["bulkhead.partition_in_use a"] == nil)
        #expect(read["bulkhead.partition_guaranteed b"] == .integer(25))
        #expect(read["bulkhead.available_concurrent_calls"] == .integer(24))
        held.release()
    }

    @Test("an adaptive limit: what it is, how many calls run under it, and the time that it compares with")
    func adaptive() throws {
        func gauge(_ bulkhead: Bulkhead) -> [MetricValue?] {
            let read = values(bulkhead)
            return ["limit", "inflight", "min_rtt"].map { read["adaptive.\($0)"] }
        }
        let clock = ManualClock()
        let limits: [Bulkhead.Limit] = [
            .adaptive(.vegas(initial: 4)), .adaptive(.gradient2(initial: 4, minimum: 1)),
            .adaptive(.windowed(.vegas(initial: 4), window: .milliseconds(1), minimumSamples: 1)),
        ]
        for limit in limits {
            let bulkhead = try Bulkhead("b", .init(limit: limit), clock: clock)
            guard case .number(let none) = gauge(bulkhead)[2] else {
                Issue.record("no round-trip time")
                continue
            }
            #expect(none.isNaN)
            for _ in 1...2 {
                let held = try bulkhead.held()
                #expect(gauge(bulkhead).prefix(2) == [.integer(4), .integer(1)])
                clock.advance(by: .milliseconds(500))
                held.release()
            }
            #expect(gauge(bulkhead)[2] == .number(0.5))
        }
        let aimd = try Bulkhead("b", .init(limit: .adaptive(.aimd())), clock: clock)
        #expect(gauge(aimd).prefix(2) == [.integer(20), .integer(0)])
        #expect(gauge(try Bulkhead("b", limit: 3)) == [nil, nil, nil])
    }

    @Test("as layers of a policy, with its metrics")
    func inPolicy() async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let policy = try Policy("p", clock: clock, observers: [calls]) { Bulkhead.layer(.queueing(1)) }
        try await policy.execute {}
        #expect(values(policy)["bulkhead.calls finished"] == .integer(1))
        #expect(waits(calls)?.count == 0)
    }
}
