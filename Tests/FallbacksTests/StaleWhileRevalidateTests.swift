import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import Testing

@testable import Fallbacks

@Suite("Stale while revalidate", .timeLimit(.minutes(30)))
struct StaleWhileRevalidateTests {
    let clock = ManualClock()
    let recorder = EventRecorder()
    private let settings = StaleWhileRevalidateConfiguration(freshFor: .seconds(5), staleFor: .seconds(60))

    private func make(_ configuration: StaleWhileRevalidateConfiguration? = nil) throws -> StaleWhileRevalidate<Int> {
        try StaleWhileRevalidate("v", configuration ?? settings, clock: clock, observers: [recorder])
    }

    @Test("a fresh value answers, and nothing else happens")
    func fresh() async throws {
        let values = try make()
        let operation = ScriptedOperation<Int>(clock: clock, [.success(1), .success(2)])
        #expect(try await values.execute { try await operation() } == 1)
        clock.advance(by: .seconds(5) - .nanoseconds(1))
        let execution = await values.run { try await operation() }
        #expect(execution.value == 1)
        #expect(execution.servedBy?.step == "fresh")
        #expect(execution.attempts == 0)
        #expect(operation.calls == 1)
        #expect(values.refreshing == 0)
        #expect(values.totals == .init(fresh: 1, loaded: 1))
    }

    @Test("a stale value answers at once, while one refresh renews it")
    func stale() async throws {
        let values = try make()
        let operation = ScriptedOperation<Int>(clock: clock, [.success(1), .hang, .success(3)])
        _ = try await values.execute { try await operation() }
        clock.advance(by: .seconds(5))
        for _ in 0..<3 {
            let execution = await values.run { try await operation() }
            #expect(execution.value == 1)
            #expect(execution.servedBy == FallbackServed(fallback: "v", step: "stale", age: .seconds(5)))
        }
        try await operation.waitForCalls(2)
        #expect(values.refreshing == 1)
        operation.release(with: .success(2))
        await values.waitForRefreshes()
        #expect(operation.calls == 2)
        #expect(try await values.execute { try await operation() } == 2)
        #expect(values.totals == .init(fresh: 1, stale: 3, loaded: 1, refreshesSucceeded: 1))
        #expect(recorder.names == ["stale_while_revalidate.refreshed"])
        // Another one may begin later.
        clock.advance(by: .seconds(5))
        #expect(try await values.execute { try await operation() } == 2)
        await values.waitForRefreshes()
        #expect(values.kept(for: NoKey())?.value == 3)
    }

    @Test("too old, the value is no answer: the call is made")
    func expired() async throws {
        let values = try make()
        values.remember(1, for: NoKey())
        clock.advance(by: .seconds(65))
        let blocked = ScriptedOperation<Int>(clock: clock, [.failure(Down())])
        #expect(try await values.execute { try await blocked() } == 1)
        await values.waitForRefreshes()
        clock.advance(by: .nanoseconds(1))
        await #expect(throws: Down()) { try await values.execute { try await blocked() } }
        #expect(values.totals == .init(stale: 1, failed: 1, refreshesFailed: 1))
    }

    @Test("a refresh that fails leaves the value, and a call tries again after a time")
    func failedRefresh() async throws {
        let values = try make()
        values.remember(1, for: NoKey())
        clock.advance(by: .seconds(10))
        for _ in 0..<2 {
            #expect(try await values.execute { throw Down() } == 1)
            await values.waitForRefreshes()
            clock.advance(by: .seconds(2))
        }
        #expect(try await values.execute(accepting: { $0 > 0 }) { -1 } == 1)
        await values.waitForRefreshes()
        #expect(values.kept(for: NoKey())?.value == 1)
        #expect(values.totals == .init(stale: 3, refreshesFailed: 3))
        #expect(recorder.events.first?.description == "\"v\" failed to refresh a value, after 0 seconds: Down()")
        #expect(recorder.events.last?.description.hasSuffix("the result was not accepted") == true)
    }

    @Test("a value that is not accepted is returned and not kept; failures and cancellation are told apart")
    func made() async throws {
        let values = try make()
        #expect(try await values.execute(accepting: { $0 > 0 }) { -1 } == -1)
        #expect(values.keptCount == 0)
        await #expect(throws: CancellationError.self) { try await values.execute { throw CancellationError() } }
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask { try await values.execute { throw CancellationError() } }
        }
        let execution = await values.run(accepting: { $0 > 0 }) { -1 }
        #expect(!execution.isAccepted)
        #expect(execution.attempts == 1)
        #expect(values.totals == .init(failed: 3, cancelled: 1))
    }

    @Test("calls and refreshes go through the policy")
    func policy() async throws {
        let policy = try Policy("p", clock: clock, observers: [recorder]) {
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(1)))
        }
        let values = try KeyedStaleWhileRevalidate<String, Int>("v", settings, through: policy)
        let first = try await values.execute(for: "a") { context in
            #expect(context.policyName == "p")
            return 1
        }
        #expect(first == 1)
        clock.advance(by: .seconds(5))
        #expect(try await values.execute(for: "a") { throw Down() } == 1)
        await values.waitForRefreshes()
        #expect(policy.circuitBreakers[0].state == .open)
        clock.advance(by: .seconds(1))
        #expect(try await values.execute(for: "a") { 2 } == 1)
        await values.waitForRefreshes()
        #expect(values.totals.refreshesFailed == 2)
        await #expect(throws: CircuitBreaker.OpenError.self) { try await values.execute(for: "b") { 2 } }
        #expect(await values.run(for: "b") { 2 }.rejection is CircuitBreaker.OpenError)
        #expect(recorder.names.contains("stale_while_revalidate.refresh_failed"))
    }

    @Test("no more refreshes than may run; keys do not wait for each other")
    func bounded() async throws {
        let values = try KeyedStaleWhileRevalidate<Int, Int>(
            "v", .init(freshFor: .seconds(1), staleFor: .seconds(60), maxRefreshes: 2), clock: clock,
            observers: [recorder])
        for key in 0..<3 { values.remember(0, for: key) }
        clock.advance(by: .seconds(2))
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        for key in 0..<3 { #expect(try await values.execute(for: key) { try await operation() } == 0) }
        #expect(values.refreshing == 2)
        #expect(values.totals.refreshesRefused == 1)
        #expect(recorder.names == ["stale_while_revalidate.refresh_refused"])
        try await operation.waitForCalls(2)
        operation.release(with: .success(5))
        await values.waitForRefreshes()
        #expect(values.refreshing == 0)
        #expect([0, 1, 2].map { values.kept(for: $0)?.value } == [5, 5, 0])
    }

    @Test("a shutdown waits up to its limit, then cancels; values answer without being renewed")
    func shutdown() async throws {
        let values = try make()
        values.remember(1, for: NoKey())
        clock.advance(by: .seconds(10))
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        _ = try await values.execute { try await operation() }
        try await operation.waitForCalls(1)
        let ending = Task { await values.shutdown(gracePeriod: .seconds(3)) }
        try await clock.waitForTimers(1)
        #expect(operation.cancelled == 0)
        #expect(try await values.execute { 2 } == 1)
        clock.advance(by: .seconds(3))
        await ending.value
        #expect(operation.cancelled == 1)
        #expect(values.refreshing == 0)
        #expect(values.totals == .init(stale: 2, refreshesCancelled: 1))
        #expect(try await values.execute { 2 } == 1)
        #expect(values.totals == .init(stale: 3, refreshesCancelled: 1, refreshesRefused: 1))
        await values.shutdown()
        clock.advance(by: .seconds(100))
        #expect(try await values.execute { 3 } == 3)
    }

    @Test("a shutdown whose caller is cancelled does not wait for the limit; one in time leaves no timer")
    func cancelledShutdown() async throws {
        let values = try make()
        values.remember(1, for: NoKey())
        clock.advance(by: .seconds(10))
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        _ = try await values.execute { try await operation() }
        try await operation.waitForCalls(1)
        let ending = Task { await values.shutdown(gracePeriod: .seconds(3)) }
        try await clock.waitForTimers(1)
        ending.cancel()
        await ending.value
        #expect(operation.cancelled == 1)
        #expect(clock.timerCount == 0)
    }

    @Test("letting go of it cancels what it runs")
    func letGo() async throws {
        let operation = ScriptedOperation<Int>(clock: clock, [.hang])
        let ended = Waiter<Void>()
        var values: StaleWhileRevalidate<Int>? = try make()
        values?.remember(1, for: NoKey())
        clock.advance(by: .seconds(10))
        _ = try await values?.execute {
            defer { ended.finish() }
            return try await operation()
        }
        try await operation.waitForCalls(1)
        values = nil
        try await ended.value()
        #expect(operation.cancelled == 1)
    }

    @Test("forgetting a key makes the next call; the bound of keys is kept, also by an update")
    func maxKeys() async throws {
        let values = try KeyedStaleWhileRevalidate<Int, Int>(
            "v", .init(freshFor: .seconds(1), staleFor: .seconds(60), maxKeys: 3), clock: clock)
        for key in 0..<5 { _ = try await values.execute(for: key) { key } }
        #expect(values.keptCount == 3)
        #expect(values.kept(for: 0) == nil)
        values.forget(4)
        #expect(try await values.execute(for: 4) { 9 } == 9)
        var smaller = values.configuration
        smaller.maxKeys = 1
        try values.update(smaller)
        #expect(values.keptCount == 1)
        #expect(values.kept(for: 4)?.value == 9)
        smaller.maxRefreshes = 0
        #expect(throws: ConfigurationError.self) { try values.update(smaller) }
        #expect(values.configuration.maxRefreshes == 8)
    }

    @Test("all faults at once")
    func faults() {
        let error = #expect(throws: ConfigurationError.self) {
            try StaleWhileRevalidate<Int>(
                "v", .init(freshFor: .seconds(-1), staleFor: .zero, maxKeys: 0, maxRefreshes: 0))
        }
        #expect(
            error?.faults.map(\.field) == [
                "staleWhileRevalidate.freshFor", "staleWhileRevalidate.staleFor", "staleWhileRevalidate.maxKeys",
                "staleWhileRevalidate.maxRefreshes",
            ])
        let longest = StaleWhileRevalidateConfiguration(
            freshFor: .nanoseconds(Int64.max), staleFor: .nanoseconds(Int64.max))
        #expect(longest.retention.maxAge == .nanoseconds(Int64.max))
    }

    @MainActor
    @Test("a call from the main actor comes back to it")
    func mainActor() async throws {
        let values = try make()
        _ = try await values.execute {
            await Task.yield()
            return 1
        }
        MainActor.preconditionIsolated()
        do {
            values.forget(NoKey())
            _ = try await values.execute { throw Down() }
        } catch {
            MainActor.preconditionIsolated()
        }
    }
}
