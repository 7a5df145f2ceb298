import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

/// A partition as a layer is a way into its bulkhead: what holds for that holds for the layer.
@Suite("Partitions as layers", .timeLimit(.minutes(30)))
struct PartitionLayerTests {
    private let clock = ManualClock()

    private func bulkhead() throws -> Bulkhead {
        try Bulkhead(
            "slots", .init(limit: .fixed(4), partitions: ["gold": 0.5, "rest": 0.5]), clock: clock)
    }

    private func limits(_ source: some MetricSource) -> [MetricValue] {
        MetricCollection(of: [source]).samples(of: "resilience.bulkhead.max_allowed_concurrent_calls").map(\.value)
    }

    @Test("the bulkhead's metrics are there once, however many partitions are layers")
    func metrics() async throws {
        let slots = try bulkhead()
        let gold = try Policy("gold", clock: clock) { slots.partition("gold") }
        #expect(limits(gold) == [.integer(4)])
        let both = try Policy("both", clock: clock) {
            slots.partition("gold")
            slots.partition("rest")
        }
        try await both.execute { #expect(slots.inUse == 2 && limits(both) == [.integer(4)]) }
        let family = try PolicyFamily<Int>("hosts", maxKeys: 10, clock: clock) { slots.partition("rest") }
        for key in 0..<5 { try await family.execute(for: key) {} }
        #expect(limits(family) == [.integer(4)])
    }

    @Test("a document changes the bulkhead of a partition, in a policy and in a family; and members can be forgotten")
    func documents() async throws {
        let slots = try bulkhead()
        let module = try ResilienceModule("m", clock: clock) {
            Registration("p") { slots.partition("gold") }
            Registration(family: "hosts", by: Int.self, maxKeys: 3, idleLimit: .seconds(60)) { slots.partition("rest") }
        }
        try module.update(.init(["policies": ["p": ["bulkhead": ["limit": 9]]]]))
        #expect(slots.limit == 9)
        try module.update(.init([:]))
        #expect(slots.limit == 4)
        let hosts = try module.family("hosts", by: Int.self)
        let held = slots.partition("gold")
        try await held.execute {
            for key in 0..<50 { try await hosts.execute(for: key) {} }
            #expect(hosts.overflowPolicy == nil)
        }
    }
}
