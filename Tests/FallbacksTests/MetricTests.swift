import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

/// What fallbacks tell about themselves.
@Suite("Fallback: metrics", .timeLimit(.minutes(30)))
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

    private func durations(_ calls: CallMetrics, _ step: String) -> DurationHistogram.Snapshot? {
        guard case .histogram(let snapshot) = values(calls)["fallback.step_duration \(step)"] else { return nil }
        return snapshot
    }

    @Test("X-22: everything is there before the first call, at zero")
    func beforeFirstCall() throws {
        let calls = CallMetrics()
        let fallback = try Fallback<Int>("f", observers: [calls]) {
            .step("replica") { _ in 1 }.lastGood(maxAge: .seconds(1))
        }
        let read = values(fallback)
        let kinds = ["succeeded", "failed", "timed_out", "rejected", "skipped", "cancelled"]
        for kind in ["succeeded", "served", "exhausted", "unhandled", "cancelled"] {
            #expect(read["fallback.calls \(kind)"] == .integer(0))
        }
        for step in ["replica", "last good"] {
            for kind in kinds { #expect(read["fallback.step_calls \(step) \(kind)"] == .integer(0)) }
            #expect(read["fallback.step_time \(step)"] == .number(0))
            #expect(read["fallback.step_running \(step)"] == .integer(0))
            #expect(durations(calls, step)?.count == 0)
        }
        #expect(read["fallback.kept_values"] == .integer(0))
        #expect(read.count == 5 + 2 * (6 + 1 + 1) + 1)
    }

    @Test("calls by outcome, steps by theirs, and how long actions ran")
    func counts() async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let configuration = Fallback<Int>.Configuration(handles: .except(Refused.self)) {
            .step("replica", handles: .only(Down.self)) { _ in
                clock.advance(by: .milliseconds(250))
                throw Down()
            }
            .lastGood(maxAge: .seconds(9))
        }
        let fallback = try Fallback<Int>("f", configuration, clock: clock)
        fallback.addObserver(calls)
        fallback.addObserver(calls)
        _ = try? await fallback.execute { throw Down() }
        _ = try await fallback.execute { 1 }
        for _ in 1...2 { _ = try await fallback.execute { throw Down() } }
        _ = try? await fallback.execute { throw Refused() }
        _ = try? await inCancelledTask { try await fallback.execute { throw CancellationError() } }
        let read = values(fallback)
        let counted = ["succeeded", "served", "exhausted", "unhandled", "cancelled"].map {
            read["fallback.calls \($0)"]
        }
        #expect(counted == [1, 2, 1, 1, 1].map { .integer($0) })
        #expect(read["fallback.step_calls replica failed"] == .integer(3))
        #expect(read["fallback.step_calls last good skipped"] == .integer(1))
        #expect(read["fallback.step_calls last good succeeded"] == .integer(2))
        #expect(read["fallback.step_time replica"] == .number(0.75))
        #expect(read["fallback.kept_values"] == .integer(1))
        #expect(durations(calls, "replica")?.count == 3)
        #expect(durations(calls, "replica")?.sum == .milliseconds(750))
        #expect(durations(calls, "last good")?.count == 0)
        #expect(!fallback.events.isListening)
    }

    @Test(
        "a step that an update adds is measured by the metrics that were there before; one that is gone keeps its numbers"
    )
    func update() async throws {
        let calls = [CallMetrics(), CallMetrics()]
        let fallback = try Fallback<Int>("f", observers: [calls[0]]) { .step("a") { _ in 1 } }
        fallback.addObserver(calls[1])
        _ = try await fallback.execute { throw Down() }
        try fallback.update(.init { .step("b") { _ in 2 } })
        _ = try await fallback.execute { throw Down() }
        for calls in calls { #expect(["a", "b"].map { durations(calls, $0)?.count } == [1, 1]) }
        #expect(values(fallback)["fallback.step_calls a succeeded"] == .integer(1))
    }

    @Test("calls that run in a step")
    func running() async throws {
        let clock = ManualClock()
        let replica = ScriptedOperation<Int>(clock: clock, [.hang])
        let fallback = try Fallback<Int>("f", clock: clock) { .step("replica") { _ in try await replica() } }
        let call = Task { try await fallback.execute { throw Down() } }
        try await replica.waitForCalls(1)
        #expect(values(fallback)["fallback.step_running replica"] == .integer(1))
        replica.release(with: .success(1))
        _ = try await call.value
        #expect(values(fallback)["fallback.step_running replica"] == .integer(0))
    }

    @Test("around a policy: those of the fallback and of the policy, by the policy's metrics")
    func policy() async throws {
        let calls = CallMetrics()
        let policy = try Policy("p", observers: [calls]) { Through() }
        let shared = try Fallback<Int>("shared") { .step("s") { _ in 1 } }
        let guarded = [try policy.fallback(Int.self) { .step("own") { _ in 2 } }, policy.fallback(to: shared)]
        for guarded in guarded { _ = try await guarded.execute { throw Down() } }
        #expect(values(guarded[0])["fallback.calls served"] == .integer(1))
        #expect(values(guarded[1])["fallback.step_calls s succeeded"] == .integer(1))
        // What measures a fallback goes with it.
        withExtendedLifetime(guarded) {
            #expect(["own", "s"].map { durations(calls, $0)?.count } == [1, 1])
        }
    }

    @Test("stale while revalidate: calls, refreshes and what is kept")
    func revalidation() async throws {
        let clock = ManualClock()
        let policy = try Policy("p", clock: clock) { Through() }
        let quotes = try KeyedStaleWhileRevalidate<Int, Int>(
            "q", .init(freshFor: .seconds(1), staleFor: .seconds(9)), through: policy)
        let zero = values(quotes)
        #expect(zero.count == 6 + 5 + 2 && zero.values.allSatisfy { $0 == .integer(0) })
        for key in [1, 1, 2] { _ = try await quotes.execute(for: key) { 1 } }
        clock.advance(by: .seconds(1))
        _ = try await quotes.execute(for: 1) { 2 }
        await quotes.waitForRefreshes()
        _ = try await quotes.execute(for: 2) { throw Down() }
        await quotes.waitForRefreshes()
        _ = try? await quotes.execute(for: 3) { throw Down() }
        _ = try? await inCancelledTask { try await quotes.execute(for: 3) { throw CancellationError() } }
        let read = values(quotes)
        let counted = ["fresh", "stale", "loaded", "joined", "failed", "cancelled"].map {
            read["stale_while_revalidate.calls \($0)"]
        }
        #expect(counted == [1, 2, 2, 0, 1, 1].map { .integer($0) })
        let refreshes = ["succeeded", "discarded", "failed", "cancelled", "refused"].map {
            read["stale_while_revalidate.refreshes \($0)"]
        }
        #expect(refreshes == [1, 0, 1, 0, 0].map { .integer($0) })
        #expect(read["stale_while_revalidate.kept_values"] == .integer(2))
    }
}
