import ResilienceCore
import ResilienceTesting
import Testing

@testable import Bulkheads

/// What can be asked for, and what cannot.
@Suite("Bulkhead: configuration")
struct ConfigurationTests {
    @Test("the defaults")
    func defaults() throws {
        let bulkhead = try Bulkhead("test")
        #expect(bulkhead.limit == 25 && bulkhead.available == 25 && bulkhead.name == "test")
        let configuration = bulkhead.configuration
        #expect(configuration.queue == .none && configuration.partitions.isEmpty && configuration.partitionsBorrow)
        #expect(Queue(capacity: 5) == Queue(capacity: 5, maxWait: .seconds(1), order: .oldestFirst))
    }

    @Test("every fault is reported, with field, value and range")
    func faults() {
        let configuration = Configuration(
            limit: .fixed(-1), queue: .init(capacity: -2, maxWait: .seconds(-3)),
            partitions: ["a": 1.5, "b": -0.5, "c": .nan])
        let error = #expect(throws: ConfigurationError.self) { try Bulkhead("test", configuration) }
        #expect(
            error?.faults.map(\.description) == [
                "bulkhead.limit: -1 is outside 0...1000000000",
                "bulkhead.queue.capacity: -2 is outside 0...1000000",
                "bulkhead.queue.maxWait: -3.0 seconds is outside 1 ns...292 years",
                "bulkhead.partitions.a: 1.5 is outside 0.0...1.0",
                "bulkhead.partitions.b: -0.5 is outside 0.0...1.0",
                "bulkhead.partitions.c: nan is outside 0.0...1.0",
            ])
    }

    @Test(
        "what is at the edge",
        arguments: [
            (Configuration(limit: .fixed(0)), true),
            (Configuration(limit: .fixed(1_000_000_000)), true),
            (Configuration(limit: .fixed(1_000_000_001)), false),
            (Configuration(limit: .fixed(.max)), false),
            (Configuration(limit: .fixed(.min)), false),
            (Configuration(queue: .init(capacity: 1_000_000, maxWait: nil)), true),
            (Configuration(queue: .init(capacity: 1_000_001)), false),
            (Configuration(queue: .init(capacity: 1, maxWait: .zero)), false),
            (Configuration(queue: .init(capacity: 1, maxWait: .nanoseconds(1))), true),
            (Configuration(queue: .init(capacity: 1, maxWait: .seconds(Int64.max))), false),
            (Configuration(partitions: ["a": 0.7, "b": 0.2, "c": 0.1]), true),
            (Configuration(partitions: ["a": 0.7, "b": 0.4]), false),
            (Configuration(partitions: ["a": 0, "b": 1]), true),
            (Configuration(partitions: ["a": .infinity]), false),
        ])
    func edges(configuration: Configuration, isAllowed: Bool) {
        #expect(((try? Bulkhead("test", configuration)) != nil) == isAllowed)
    }

    @Test("the largest limit there is works")
    func largest() throws {
        let bulkhead = try Bulkhead("test", limit: 1_000_000_000)
        let held = try bulkhead.held()
        #expect(bulkhead.inUse == 1 && bulkhead.available == 999_999_999)
        try bulkhead.resize(to: 0)
        #expect(bulkhead.inUse == 1 && bulkhead.limit == 0)
        held.release()
        #expect(bulkhead.inUse == 0 && bulkhead.reading.word == 0)
    }

    @Test("as a layer it takes the policy's name, or its own; faults are the policy's")
    func layers() async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let policy = try Policy("payments", clock: clock, observers: [recorder]) {
            Bulkhead.layer(limit: 3)
            Bulkhead.layer("own", limit: 2)
            Bulkhead.layer("named", .queueing(1))
            Bulkhead.layer()
        }
        #expect(
            policy.description
                == "Bulkhead(payments) → Bulkhead(own) → Bulkhead(named) → Bulkhead(payments)")
        #expect(policy.bulkheads.map(\.limit) == [3, 2, 1, 25])
        #expect(policy.bulkheads.allSatisfy { $0.time == policy.rootContext.time })
        try await policy.execute {}
        #expect(recorder.names.count { $0 == "bulkhead.finished" } == 4)
        let error = #expect(throws: ConfigurationError.self) {
            try Policy("payments") {
                Bulkhead.layer(limit: -1)
                Bulkhead.layer(.init(queue: .init(capacity: -1)))
            }
        }
        #expect(
            error?.faults.map(\.field) == ["payments.bulkhead.limit", "payments.bulkhead.queue.capacity"])
    }

    @Test("the fluent form says the same")
    func fluent() throws {
        let shared = try Bulkhead("shared", limit: 1)
        let policy = try Policy.pipeline("payments").bulkhead(limit: 3).bulkhead("own", limit: 2)
            .bulkhead(.queueing(4)).bulkhead("named", .queueing(5)).bulkhead().bulkhead(shared).build()
        #expect(policy.bulkheads.map(\.name) == ["payments", "own", "payments", "named", "payments", "shared"])
        #expect(policy.bulkheads.map(\.limit) == [3, 2, 4, 5, 25, 1])
    }

    @Test("totals add up, and stay at the largest number there is")
    func sums() {
        let one = totals(
            finished: 1, rejected: 5, displaced: 1, timedOut: 3, cancelled: 4, waited: 5, waitingTime: .seconds(6))
        let sum = one + one
        #expect(
            sum
                == totals(
                    finished: 2, rejected: 10, displaced: 2, timedOut: 6, cancelled: 8, waited: 10,
                    waitingTime: .seconds(12)))
        #expect(one.calls == 10 && one.averageWait == .milliseconds(1200))
        let most = totals(finished: .max, rejected: 1, waitingTime: .nanoseconds(Int64.max))
        #expect((most + one).finished == .max && most.calls == .max)
        #expect((most + one).waitingTime == .nanoseconds(Int64.max))
    }
}
