import ResilienceCore
import ResilienceTesting
import Testing

@testable import Fallbacks

@Suite("Fallback: limits of a step", .timeLimit(.minutes(30)))
struct StepTests {
    let clock = ManualClock()

    @Test("a full step is passed over, and takes calls again when one has left")
    func limit() async throws {
        let replica = ScriptedOperation<Int>(clock: clock, [.hang])
        let fallback = try Fallback<Int>("f", clock: clock) {
            .step("replica", limit: 2) { _ in try await replica() }
                .value(0)
        }
        let calls = (0..<2).map { _ in Task { try await fallback.execute { throw Down() } } }
        try await replica.waitForCalls(2)
        #expect(fallback.running(in: "replica") == 2)
        #expect(try await fallback.execute { throw Down() } == 0)
        #expect(fallback.totals.steps["replica"]?.rejected == 1)
        replica.release(with: .success(1))
        for call in calls { #expect(try await call.value == 1) }
        let next = Task { try await fallback.execute { throw Down() } }
        try await replica.waitForCalls(3)
        replica.release(with: .failure(Down()))
        #expect(try await next.value == 0)
        #expect(fallback.running(in: "replica") == 0)
        #expect(fallback.totals.steps["replica"]?.calls == 4)
    }

    @Test("a step is cancelled at its time limit, and the next is tried")
    func timeout() async throws {
        let replica = ScriptedOperation<Int>(clock: clock, [.hang, .success(1, after: .seconds(1))])
        let fallback = try Fallback<Int>(
            "f",
            .init(exhaustion: .exhaustedError) {
                .step("replica", limit: 1, timeout: .seconds(2)) { _ in try await replica() }
            }, clock: clock)
        let call = Task { try await fallback.execute { throw Down() } }
        try await replica.waitForCalls(1)
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: FallbackExhaustedError.self) { try await call.value }
        #expect(error?.steps.first?.description.contains("did not end within 2 seconds") == true)
        let step = try #require(fallback.totals.steps["replica"])
        #expect(step.timedOut == 1)
        #expect(step.failed == 0)
        #expect(step.latency.count == 1)
        #expect(step.latency.total == .seconds(2))
        #expect(replica.cancelled == 1)

        let second = Task { try await fallback.execute { throw Down() } }
        try await replica.waitForCalls(2)
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        #expect(try await second.value == 1)
        #expect(fallback.totals.steps["replica"]?.latency.longest == .seconds(2))
        #expect(fallback.totals.steps["replica"]?.latency.mean == .milliseconds(1_500))
    }

    @Test("a step that ends late with a value has answered")
    func lateValue() async throws {
        let replica = ScriptedOperation<Int>(clock: clock, [.hangIgnoringCancellation])
        let fallback = try Fallback<Int>("f", clock: clock) {
            .step("replica", timeout: .seconds(2)) { _ in try await replica() }
        }
        let call = Task { try await fallback.execute { throw Down() } }
        try await replica.waitForCalls(1)
        try await clock.waitForTimers(1)
        clock.advance(by: .seconds(3))
        replica.release(with: .success(8))
        #expect(try await call.value == 8)
        #expect(fallback.totals.steps["replica"]?.succeeded == 1)
    }

    @Test("a step that throws within its limit has failed, not timed out")
    func failsInTime() async throws {
        let fallback = try Fallback<Int>("f", clock: clock) {
            .step("replica", timeout: .seconds(2)) { _ in throw Down() }
        }
        await #expect(throws: Down()) { try await fallback.execute { throw Down() } }
        #expect(fallback.totals.steps["replica"]?.failed == 1)
        #expect(fallback.totals.steps["replica"]?.timedOut == 0)
    }

    @Test("what answers without running has no latency")
    func noLatency() async throws {
        let fallback = try Fallback<Int>("f", clock: clock) { .value(1) }
        _ = try await fallback.execute { throw Down() }
        #expect(fallback.totals.steps["value"]?.latency == .init())
        #expect(fallback.totals.steps["value"]?.latency.mean == nil)
    }

    @Test("a key is handed to the action")
    func key() async throws {
        let fallback = try KeyedFallback<String, String>("f") {
            .step("replica") { error, key in "\(key) \(error is Down)" }
        }
        #expect(try await fallback.execute(for: "a") { throw Down() } == "a true")
        #expect(try await fallback.execute(for: "b") { _ in throw Down() } == "b true")
        #expect(await fallback.run(for: "c") { throw Down() }.value == "c true")
        #expect(await fallback.run(for: "d") { _ in throw Down() }.value == "d true")
    }

    @Test("conditions in the builder, loops, and steps made elsewhere", arguments: [true, false])
    func builder(isCautious: Bool) throws {
        let shared = Fallback<Int>.Steps.value(9, name: "shared")
        let configuration = Fallback<Int>.Configuration {
            if isCautious { .value(1, name: "cautious") }
            if isCautious {
                .value(2, name: "two")
            } else {
                .value(3, name: "three")
            }
            for number in 4...5 { .value(number, name: "\(number)") }
            shared
        }
        #expect(
            configuration.steps.elements.map(\.name)
                == (isCautious ? ["cautious", "two"] : ["three"]) + ["4", "5", "shared"])
    }
}
