import ResilienceCore
import ResilienceTesting
import Testing

@testable import Fallbacks

@Suite("Fallback: configuration")
struct ConfigurationTests {
    @Test("all faults at once, each with its field, value and range")
    func faults() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Fallback<Int>("f") {
                .step("a", limit: 0, timeout: .zero) { _ in 1 }
                    .value(1, name: "a")
                    .lastGood(maxAge: .seconds(-1), maxKeys: 0)
            }
        }
        #expect(
            error?.faults.map(\.description) == [
                "fallback.steps[0].limit: 0 is below 1",
                "fallback.steps[0].timeout: 0.0 seconds is outside 1 ns...292 years",
                "fallback.steps[1].name: \"a\" is the name of an earlier step",
                "fallback.steps[2].maxAge: -1.0 seconds is outside 1 ns...292 years",
                "fallback.steps[2].maxKeys: 0 is below 1",
            ])
    }

    @Test("a chain has a step")
    func empty() throws {
        let error = #expect(throws: ConfigurationError.self) { try Fallback<Int>("f") {} }
        #expect(error?.description == "fallback.steps: 0 is below 1")
    }

    @Test("a policy puts its name before the faults")
    func policy() throws {
        let policy = try Policy("quotes") { Through() }
        let error = #expect(throws: ConfigurationError.self) {
            try policy.fallback(Int.self) { .lastGood(maxAge: .zero) }
        }
        #expect(error?.description == "quotes.fallback.steps[0].maxAge: 0.0 seconds is outside 1 ns...292 years")
        let keyed = #expect(throws: ConfigurationError.self) { try policy.fallback(Int.self, by: String.self) {} }
        #expect(keyed?.description == "quotes.fallback.steps: 0 is below 1")
    }

    @Test("a policy's fallback has its name and its clock")
    func environment() async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let policy = try Policy("quotes", clock: clock, observers: [recorder]) { Through() }
        let guarded = try policy.fallback(Int.self, by: String.self) { .lastGood(maxAge: .seconds(1)) }
        #expect(guarded.description == "Fallback(quotes) → Through")
        _ = try await guarded.execute(for: "a") { 1 }
        clock.advance(by: .seconds(1))
        #expect(try await guarded.execute(for: "a") { throw Down() } == 1)
        #expect(guarded.fallback.lastGood(for: "a")?.age == .seconds(1))
        #expect(recorder.names == ["policy.succeeded", "policy.failed", "fallback.served"])
    }

    @Test("an update keeps totals, last good values and calls that run; a bad one changes nothing")
    func update() async throws {
        let clock = ManualClock()
        let replica = ScriptedOperation<Int>(clock: clock, [.hang])
        let fallback = try Fallback<Int>("f", clock: clock) {
            .step("replica", limit: 1) { _ in try await replica() }
                .lastGood(maxAge: .seconds(10))
        }
        _ = try await fallback.execute { 1 }
        let running = Task { try await fallback.execute { throw Down() } }
        try await replica.waitForCalls(1)

        #expect(throws: ConfigurationError.self) { try fallback.update(.init {}) }
        #expect(fallback.configuration.steps.elements.count == 2)

        var configuration = fallback.configuration
        configuration.steps = .step("replica", limit: 2) { _ in 7 }.lastGood(maxAge: .seconds(5)).value(0)
        try fallback.update(configuration)
        #expect(fallback.running(in: "replica") == 1)
        #expect(try await fallback.execute { throw Down() } == 7)
        #expect(fallback.lastGood?.value == 1)
        replica.release(with: .success(3))
        #expect(try await running.value == 3)
        #expect(fallback.totals.steps["replica"]?.succeeded == 2)
        #expect(fallback.running(in: "replica") == 0)

        try fallback.update(.init { .value(0) })
        #expect(fallback.totals.steps["replica"]?.succeeded == 2)
        #expect(fallback.lastGood == nil)
        _ = try await fallback.execute { 1 }
        #expect(fallback.keptCount == 0)
        try fallback.update(.init { .lastGood(maxAge: .seconds(1)) })
        _ = try await fallback.execute { 1 }
        #expect(fallback.keptCount == 1)
    }

    @Test("fewer keys let values go at once")
    func maxKeys() throws {
        let fallback = try KeyedFallback<Int, Int>("f") { .lastGood(maxAge: .seconds(10)) }
        for key in 0..<10 { fallback.remember(key, for: key) }
        try fallback.update(.init { .lastGood(maxAge: .seconds(10), maxKeys: 3) })
        #expect(fallback.keptCount == 3)
        #expect(fallback.lastGood(for: 9)?.value == 9)
        #expect(fallback.lastGood(for: 6) == nil)
    }

    @Test("totals add up beyond what a number holds, and survive encoding")
    func totals() {
        var totals = FallbackTotals(succeeded: .max, served: 1)
        #expect(totals.calls == .max)
        totals.steps["a"] = .init(succeeded: .max, failed: 2)
        #expect(totals.steps["a"]?.calls == .max)
        var latency = FallbackTotals.Latency()
        latency.add(.nanoseconds(Int64.max))
        latency.add(.nanoseconds(Int64.max))
        #expect(latency.total == .nanoseconds(Int64.max))
        #expect(latency.count == 2)
    }
}
