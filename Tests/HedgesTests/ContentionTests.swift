import ResilienceCore
import ResilienceTesting
import Retries
import Synchronization
import Testing

@testable import Hedges

/// Many calls of one hedge at once, on real threads.
@Suite(.timeLimit(.minutes(30)))
struct ContentionTests {
    private final class Tally: Sendable {
        let begun = Atomic(0)
        let running = Atomic(0)
        let made = Atomic(0)
        let released = Atomic(0)
        let returned = Atomic(0)
    }

    /// An operation that yields now and then, and of which every third attempt fails.
    private func operation(_ tally: Tally, _ call: Int, _ context: Context) async throws -> Int {
        tally.begun.wrappingAdd(1, ordering: .relaxed)
        tally.running.wrappingAdd(1, ordering: .relaxed)
        defer { tally.running.wrappingSubtract(1, ordering: .relaxed) }
        for _ in 0..<(call + context.hedge) % 4 { await Task.yield() }
        if (call + context.hedge) % 3 == 0 { throw InjectedFailure() }
        tally.made.wrappingAdd(1, ordering: .relaxed)
        return call
    }

    private func run(_ hedged: HedgedPolicy, calls: Int, _ tally: Tally) async {
        await withTaskGroup { group in
            for call in 0..<calls {
                group.addTask {
                    let value = try? await hedged.execute(
                        releasing: { _ in tally.released.wrappingAdd(1, ordering: .relaxed) },
                        { context in try await operation(tally, call, context) })
                    #expect(value == nil || value == call)
                    if value != nil { tally.returned.wrappingAdd(1, ordering: .relaxed) }
                }
            }
        }
    }

    @Test(
        "1000 calls at once: every attempt, winner, loser and value is accounted for",
        arguments: [
            Hedge.Delay.immediate, .fixed(.nanoseconds(1)), .onlyAfterFailure,
            .percentile(window: 100, warmUp: 10, minimum: .zero, fallback: .zero),
        ])
    func totals(delay: Hedge.Delay) async throws {
        let counting = CountingLayer()
        let hedged = try Policy("p") { counting }.hedged(.init(delay: delay, maxHedges: 2))
        let tally = Tally()
        await run(hedged, calls: 1_000, tally)
        let totals = hedged.hedge.totals
        #expect(totals.calls == 1_000)
        // Of three attempts in a row one fails, so that every call succeeds.
        #expect(totals.primaryWins + totals.hedgeWins == 1_000)
        #expect(counting.admitted == 1_000 + totals.hedges)
        #expect(counting.running == 0)
        #expect(tally.begun.load(ordering: .relaxed) == counting.admitted)
        #expect(tally.running.load(ordering: .relaxed) == 0)
        #expect(tally.returned.load(ordering: .relaxed) == 1_000)
        #expect(tally.released.load(ordering: .relaxed) == tally.made.load(ordering: .relaxed) - 1_000)
        switch delay.kind {
        case .fixed(.zero):
            #expect(totals.startedByDelay == 2_000)
        case .never:
            #expect(totals.startedByFailure == 334)
            #expect(totals.primaryWins == 666)
            #expect(totals.lost == 0)
        default: break
        }
    }

    @Test("a budget lets exactly as many hedges through as it holds")
    func budget() async throws {
        let budget = try RetryBudget(.quota(100, cost: 1))
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure, maxHedges: 1, budget: budget))
        await withTaskGroup { group in
            for _ in 0..<1_000 {
                group.addTask { _ = try? await hedge.execute { throw InjectedFailure() } }
            }
        }
        #expect(
            hedge.totals == .init(failed: 1_000, startedByFailure: 100, refusedByBudget: 900))
    }

    @Test("calls that are cancelled while they race end exactly once")
    func cancelled() async throws {
        let hedge = try Hedge("h", .init(delay: .fixed(.nanoseconds(1)), maxHedges: 2))
        let tally = Tally()
        let calls = (0..<1_000).map { call in
            Task { try await hedge.execute { context in try await operation(tally, call, context) } }
        }
        for call in calls.shuffled() { call.cancel() }
        for call in calls { _ = await call.result }
        #expect(hedge.totals.calls == 1_000)
        #expect(tally.running.load(ordering: .relaxed) == 0)
    }
}
