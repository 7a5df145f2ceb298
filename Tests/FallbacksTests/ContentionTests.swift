import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

@testable import Fallbacks

/// Many calls of one fallback at once, on real threads.
@Suite("Fallback: contention", .timeLimit(.minutes(30)))
struct ContentionTests {
    private final class Tally: Sendable {
        let running = Atomic(0)
        let most = Atomic(0)
        let begun = Atomic(0)
    }

    @Test("a step never runs more calls than its limit, and every call is accounted for", arguments: [1, 3])
    func limit(limit: Int) async throws {
        let tally = Tally()
        let fallback = try Fallback<Int>("f") {
            .step("replica", limit: limit) { _ in
                let running = tally.running.wrappingAdd(1, ordering: .relaxed).newValue
                tally.most.max(running, ordering: .relaxed)
                let number = tally.begun.wrappingAdd(1, ordering: .relaxed).newValue
                defer { tally.running.wrappingSubtract(1, ordering: .relaxed) }
                for _ in 0..<number % 5 { await Task.yield() }
                if number % 3 == 0 { throw Down() }
                return 1
            }
            .value(0)
        }
        await withTaskGroup { group in
            for call in 0..<2_000 {
                group.addTask {
                    let value = try? await fallback.execute {
                        if call % 4 == 0 { return 9 }
                        throw Down()
                    }
                    #expect(value != nil)
                }
            }
        }
        let totals = fallback.totals
        let step = try #require(totals.steps["replica"])
        let begun = tally.begun.load(ordering: .relaxed)
        #expect(tally.most.load(ordering: .relaxed) <= limit)
        #expect(totals.succeeded == 500)
        #expect(totals.served == 1_500)
        #expect(totals.calls == 2_000)
        #expect(step.calls == 1_500)
        #expect(step.rejected == 1_500 - begun)
        #expect(step.failed == begun / 3)
        #expect(step.succeeded == begun - begun / 3)
        #expect(step.latency.count == begun)
        #expect(totals.steps["value"]?.succeeded == step.rejected + step.failed)
        #expect(fallback.running(in: "replica") == 0)
    }

    @Test("calls that are cancelled in a step give their place back", arguments: [nil, Duration.seconds(3600)])
    func cancelled(timeout: Duration?) async throws {
        let fallback = try Fallback<Int>("f") {
            .step("replica", limit: 8, timeout: timeout) { _ in
                for _ in 0..<5 {
                    await Task.yield()
                    try Task.checkCancellation()
                }
                return 1
            }
        }
        let calls = (0..<1_000).map { _ in Task { try await fallback.execute { throw Down() } } }
        for call in calls.shuffled() { call.cancel() }
        for call in calls { _ = await call.result }
        #expect(fallback.running(in: "replica") == 0)
        let totals = fallback.totals
        #expect(totals.calls == 1_000)
        let step = try #require(totals.steps["replica"])
        // Those that were cancelled before they came to the step were not counted there.
        #expect(step.calls == totals.served + totals.exhausted + step.cancelled)
        #expect(step.cancelled <= totals.cancelled)
        #expect(step.failed == 0)
    }

    @Test("last good values under concurrent calls and updates")
    func lastGood() async throws {
        let fallback = try KeyedFallback<Int, Int>("f") { .lastGood(maxAge: .seconds(3600), maxKeys: 16) }
        await withTaskGroup { group in
            for worker in 0..<8 {
                group.addTask {
                    for round in 0..<500 {
                        let key = (worker * 7 + round) % 32
                        if round % 2 == 0 {
                            _ = try? await fallback.execute(for: key) { key }
                        } else if let value = try? await fallback.execute(for: key, { throw Down() }) {
                            #expect(value == key)
                        }
                        if round % 50 == 0 {
                            #expect(throws: Never.self) {
                                try fallback.update(
                                    .init { .lastGood(maxAge: .seconds(3600), maxKeys: round % 100 == 0 ? 8 : 16) })
                            }
                        }
                    }
                }
            }
        }
        #expect(fallback.totals.calls == 4_000)
        #expect(fallback.totals.succeeded == 2_000)
        #expect(fallback.keptCount <= 16)
    }

    @Test("one refresh for each key at a time, and no more than may run")
    func refreshes() async throws {
        let clock = ManualClock()
        let values = try KeyedStaleWhileRevalidate<Int, Int>(
            "v", .init(freshFor: .zero, staleFor: .seconds(3600), maxRefreshes: 3), clock: clock)
        for key in 0..<8 { values.remember(0, for: key) }
        let perKey = (0..<8).map { _ in Tally() }
        let all = Tally()
        await withTaskGroup { group in
            for call in 0..<2_000 {
                group.addTask {
                    let key = call % 8
                    _ = try? await values.execute(for: key) {
                        let running = perKey[key].running.wrappingAdd(1, ordering: .relaxed).newValue
                        perKey[key].most.max(running, ordering: .relaxed)
                        all.most.max(all.running.wrappingAdd(1, ordering: .relaxed).newValue, ordering: .relaxed)
                        all.begun.wrappingAdd(1, ordering: .relaxed)
                        await Task.yield()
                        all.running.wrappingSubtract(1, ordering: .relaxed)
                        perKey[key].running.wrappingSubtract(1, ordering: .relaxed)
                        return call
                    }
                }
            }
        }
        await values.waitForRefreshes()
        #expect(perKey.allSatisfy { $0.most.load(ordering: .relaxed) <= 1 })
        #expect(all.most.load(ordering: .relaxed) <= 3)
        #expect(values.totals.stale == 2_000)
        #expect(values.totals.calls == 2_000)
        #expect(values.totals.refreshesSucceeded == all.begun.load(ordering: .relaxed))
        #expect(values.refreshing == 0)
    }
}
