import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

@Suite("Fallback: events and results", .timeLimit(.minutes(30)))
struct EventTests {
    let clock = ManualClock()
    let recorder = EventRecorder()

    @Test("what is told, how loud and in which words")
    func events() async throws {
        let full = ScriptedOperation<Int>(clock: clock, [.hang])
        let fallback = try Fallback<Int>("quotes", clock: clock, observers: [recorder]) {
            .step("full", limit: 1, handles: .only(Down.self)) { _ in try await full() }
                .step("replica") { _ in throw InjectedFailure("no") }
                .lastGood(maxAge: .seconds(60))
        }
        fallback.remember(4)
        clock.advance(by: .seconds(3))
        let blocking = Task { try await fallback.execute { throw Down() } }
        try await full.waitForCalls(1)
        _ = try await fallback.execute { throw Down() }
        fallback.forgetAll()
        _ = try? await fallback.execute { throw Refused(reason: "full") }
        full.release(with: .success(1))
        _ = try await blocking.value
        _ = try await fallback.execute { 1 }
        let events = recorder.events(of: FallbackEvent.self)
        #expect(
            events.map(\.name) == [
                "fallback.step_failed", "fallback.step_failed", "fallback.served", "fallback.step_skipped",
                "fallback.step_failed", "fallback.step_skipped", "fallback.exhausted", "fallback.served",
            ])
        #expect(
            events.map(\.severity) == [.info, .info, .info, .debug, .info, .debug, .warning, .info])
        #expect(events.allSatisfy { $0.source == "quotes" })
        #expect(
            events.prefix(4).map(\.description) == [
                "fallback \"quotes\": step \"full\" is full with 1 call, after 0 seconds",
                "fallback \"quotes\": step \"replica\" failed: \(InjectedFailure("no")), after 0 seconds",
                "fallback \"quotes\" answered by step \"last good\", 3 seconds old, after 0 seconds: Down()",
                "fallback \"quotes\": step \"full\" is not for this error",
            ])
        #expect(events[6].description == "fallback \"quotes\" is exhausted after 0 seconds: full")
    }

    @Test("an observer may call the fallback it hears from")
    func reentrant() async throws {
        let fallback = try Fallback<Int>("f") { .value(1) }
        let asks = Log<Int>()
        fallback.addObserver(Asking(fallback: fallback, asks: asks))
        _ = try await fallback.execute { throw Down() }
        #expect(asks.elements == [1])
    }

    private struct Asking: PolicyObserver {
        let fallback: Fallback<Int>
        let asks: Log<Int>
        func observe(_ event: some PolicyEvent) {
            asks.append(fallback.totals.served)
            fallback.forgetAll()
        }
    }

    @Test("run tells which step answered, and why")
    func result() async throws {
        let policy = try Policy("p", clock: clock) { Through() }
        let guarded = try policy.fallback(Int.self) {
            .value(1, name: "rejected", handles: .only(Refused.self))
                .step("slow") { _ in
                    clock.advance(by: .seconds(2))
                    return 2
                }
        }
        let served = await guarded.run { throw Down() }
        #expect(served.value == 2)
        #expect(served.policyName == "p")
        #expect(served.servedBy == FallbackServed(fallback: "p", step: "slow", age: nil))
        #expect(served.fallbackCause is Down)
        #expect(served.isServedByFallback && served.isAccepted)
        #expect(served.attempts == 1)
        #expect(served.duration == .seconds(2))

        let rejected = await guarded.run { _ in throw Refused() }
        #expect(rejected.servedBy?.step == "rejected")
        #expect(rejected.rejection is Refused)

        let fine = await guarded.run { 5 }
        #expect(fine.value == 5)
        #expect(fine.servedBy == nil)
        #expect(fine.fallbackCause == nil)
        #expect(fine.isAccepted)

        let cancelled = try await inCancelledTask { await guarded.run { throw CancellationError() } }
        #expect(cancelled.fallbackCause == nil)
        #expect(throws: CancellationError.self) { try cancelled.get() }

        let alone = try Fallback<Int>("alone") { .step("s") { _ in throw InjectedFailure() } }
        let failed = await alone.run { throw Down() }
        #expect(failed.policyName == "alone")
        #expect(throws: Down()) { try failed.get() }
        #expect(failed.fallbackCause is Down)
        #expect(failed.servedBy == nil)
        #expect(!failed.isServedByFallback)
    }

    @Test("a call inside another hears its deadline and values, and reports to it")
    func within() async throws {
        enum Tenant: ContextKey { typealias Value = String }
        let outer = try Policy("outer", clock: clock) { Through() }
        let inner = try Policy("inner", clock: clock) { Through() }.fallback(Int.self) { .value(3) }
        let seen = Log<String?>()
        let execution = await outer.setting(Tenant.self, to: "acme").run { context in
            try await inner.execute(within: context) { context in
                seen.append(context[Tenant.self])
                throw Down()
            }
        }
        #expect(execution.value == 3)
        #expect(execution.servedBy?.fallback == "inner")
        #expect(seen.elements == ["acme"])
        #expect(try await inner.execute(within: outer.rootContext) { 4 } == 4)
    }
}
