import CircuitBreakers
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

/// Fresh means read after: how old a value is, and which one is kept.
@Suite("Stale while revalidate: order", .timeLimit(.minutes(30)))
struct RevalidationOrderTests {
    let clock = ManualClock()
    let recorder = EventRecorder()
    private let settings = StaleWhileRevalidateConfiguration(freshFor: .seconds(5), staleFor: .seconds(60))

    private func make(
        _ configuration: StaleWhileRevalidateConfiguration? = nil
    ) throws -> KeyedStaleWhileRevalidate<String, Int> {
        try KeyedStaleWhileRevalidate("v", configuration ?? settings, clock: clock, observers: [recorder])
    }

    private func hanging() -> ScriptedOperation<Int> { ScriptedOperation<Int>(clock: clock, [.hang]) }

    @Test("a value is as old as the start of the call that read it, loaded or refreshed")
    func age() async throws {
        let values = try make()
        let load = hanging()
        let call = Task { try await values.execute(for: "a") { try await load() } }
        try await load.waitForCalls(1)
        clock.advance(by: .seconds(4))
        load.release(with: .success(1))
        #expect(try await call.value == 1)
        #expect(values.kept(for: "a")?.age == .seconds(4))
        clock.advance(by: .seconds(1))
        let refresh = hanging()
        #expect(try await values.execute(for: "a") { try await refresh() } == 1)
        try await refresh.waitForCalls(1)
        clock.advance(by: .seconds(7))
        refresh.release(with: .success(2))
        await values.waitForRefreshes()
        #expect(values.kept(for: "a")?.age == .seconds(7))
        // Stale from the beginning, and so renewed again.
        #expect(try await values.execute(for: "a") { 3 } == 2)
        await values.waitForRefreshes()
        #expect(values.kept(for: "a")?.value == 3)
    }

    @Test("a refresh does not replace what a later call or a value given by hand has brought")
    func older() async throws {
        let values = try make()
        for isLoaded in [true, false] {
            values.remember(1, for: "a")
            clock.advance(by: .seconds(10))
            let refresh = hanging()
            _ = try await values.execute(for: "a") { try await refresh() }
            try await refresh.waitForCalls(1)
            if isLoaded {
                clock.advance(by: .seconds(100))
                #expect(try await values.execute(for: "a") { 2 } == 2)
            } else {
                values.remember(2, for: "a")
            }
            refresh.release(with: .success(9))
            await values.waitForRefreshes()
            #expect(values.kept(for: "a")?.value == 2)
            #expect(values.kept(for: "a")?.age == .zero)
        }
        #expect(values.totals == .init(stale: 2, loaded: 1, refreshesDiscarded: 2))
        #expect(recorder.names == Array(repeating: "stale_while_revalidate.refresh_discarded", count: 2))
    }

    @Test("forgetting wins over a refresh that runs", arguments: [true, false])
    func forgetDuringRefresh(isAll: Bool) async throws {
        let values = try make()
        values.remember(1, for: "a")
        values.remember(5, for: "b")
        clock.advance(by: .seconds(10))
        let refresh = hanging()
        for key in ["a", "b"] { _ = try await values.execute(for: key) { try await refresh() } }
        try await refresh.waitForCalls(2)
        if isAll { values.forgetAll() } else { values.forget("a") }
        #expect(values.kept(for: "a") == nil)
        // The next refresh of the key need not wait for the one that is of no use any more.
        #expect(try await values.execute(for: "a") { 2 } == 2)
        clock.advance(by: .seconds(5))
        let next = hanging()
        #expect(try await values.execute(for: "a") { try await next() } == 2)
        try await next.waitForCalls(1)
        refresh.release(with: .success(9))
        next.release(with: .success(3))
        await values.waitForRefreshes()
        #expect(values.kept(for: "a")?.value == 3)
        #expect(values.kept(for: "b")?.value == (isAll ? nil : 9))
        let (kept, discarded) = isAll ? (1, 2) : (2, 1)
        #expect(
            values.totals == .init(stale: 3, loaded: 1, refreshesSucceeded: kept, refreshesDiscarded: discarded))
    }

    @Test("forgetting wins over a call that runs: a waiting caller gets the value, and a later one makes a new call")
    func forgetDuringLoad() async throws {
        let values = try make()
        let old = hanging()
        let first = Task { try await values.execute(for: "a") { try await old() } }
        try await old.waitForCalls(1)
        values.forget("a")
        let new = hanging()
        let second = Task { try await values.execute(for: "a") { try await new() } }
        try await new.waitForCalls(1)
        old.release(with: .success(1))
        #expect(try await first.value == 1)
        #expect(values.keptCount == 0)
        new.release(with: .success(2))
        #expect(try await second.value == 2)
        #expect(values.kept(for: "a")?.value == 2)
        #expect(values.totals == .init(loaded: 2))
    }

    @Test("a value that had to make room is not brought back by its refresh; one that was too old is")
    func eviction() async throws {
        var configuration = settings
        configuration.maxKeys = 1
        let values = try make(configuration)
        values.remember(1, for: "a")
        clock.advance(by: .seconds(10))
        let refresh = hanging()
        _ = try await values.execute(for: "a") { try await refresh() }
        try await refresh.waitForCalls(1)
        values.remember(2, for: "b")
        refresh.release(with: .success(9))
        await values.waitForRefreshes()
        #expect(values.kept(for: "a") == nil && values.kept(for: "b")?.value == 2)
        #expect(values.totals == .init(stale: 1, refreshesDiscarded: 1))

        let roomy = try make()
        roomy.remember(1, for: "a")
        clock.advance(by: .seconds(10))
        let late = hanging()
        _ = try await roomy.execute(for: "a") { try await late() }
        try await late.waitForCalls(1)
        clock.advance(by: .seconds(60))
        roomy.remember(2, for: "b")
        #expect(roomy.kept(for: "a") == nil)
        late.release(with: .success(9))
        await roomy.waitForRefreshes()
        #expect(roomy.totals.refreshesSucceeded == 1)
    }

    @Test("refreshes that fail are spaced, longer each time, and from the beginning after one that succeeds")
    func spacing() async throws {
        var configuration = StaleWhileRevalidateConfiguration(freshFor: .seconds(5), staleFor: .seconds(3600))
        configuration.refreshBackoff = .seconds(2)
        configuration.maxRefreshBackoff = .seconds(10)
        let values = try make(configuration)
        values.remember(1, for: "a")
        clock.advance(by: .seconds(10))
        let calls = Log<Void>()
        func ask(_ result: Result<Int, Down>) async throws {
            _ = try await values.execute(for: "a") {
                calls.append(())
                return try result.get()
            }
            await values.waitForRefreshes()
        }
        var expected = 0
        for wait in [2, 4, 8, 10, 10] {
            try await ask(.failure(Down()))
            expected += 1
            clock.advance(by: .seconds(wait) - .nanoseconds(1))
            for _ in 0..<10 { try await ask(.failure(Down())) }
            #expect(calls.elements.count == expected, "\(wait)")
            clock.advance(by: .nanoseconds(1))
        }
        try await ask(.success(2))
        clock.advance(by: .seconds(5))
        try await ask(.failure(Down()))
        clock.advance(by: .seconds(2))
        try await ask(.success(3))
        #expect(values.kept(for: "a")?.value == 3)
        #expect(values.totals.refreshesFailed == 6 && values.totals.refreshesSucceeded == 2)
        #expect(values.totals.refreshesRefused == 0)
        #expect(calls.elements.count == 8)
    }

    @Test("keys are spaced apart from each other, a server's hint is kept, a CancellationError of its own is a failure")
    func spacingOfKeys() async throws {
        struct Busy: Error, RetryAfterProviding { let retryAfter: Duration? = .seconds(20) }
        let values = try make()
        for key in ["a", "b", "c"] { values.remember(1, for: key) }
        clock.advance(by: .seconds(10))
        _ = try await values.execute(for: "a") { throw Busy() }
        _ = try await values.execute(for: "b") { throw CancellationError() }
        _ = try await values.execute(for: "c") { 2 }
        await values.waitForRefreshes()
        #expect(values.totals.refreshesFailed == 2 && values.totals.refreshesSucceeded == 1)
        #expect(values.totals.refreshesCancelled == 0)
        clock.advance(by: .seconds(19))
        for key in ["a", "b"] { _ = try await values.execute(for: key) { 3 } }
        await values.waitForRefreshes()
        #expect(values.kept(for: "a")?.value == 1 && values.kept(for: "b")?.value == 3)
        clock.advance(by: .seconds(1))
        _ = try await values.execute(for: "a") { 3 }
        await values.waitForRefreshes()
        #expect(values.kept(for: "a")?.value == 3)
    }

    @Test(
        "a value that was not accepted says when to refresh again; what the user's types say may ask the cache itself")
    func hintOfAValue() async throws {
        struct Response: Sendable, RetryAfterProviding {
            let asked: @Sendable () -> Void
            var retryAfter: Duration? {
                asked()
                return .seconds(20)
            }
        }
        struct Busy: Error, RetryAfterProviding {
            let response: Response
            var retryAfter: Duration? { response.retryAfter }
        }
        for isError in [false, true] {
            let clock = ManualClock()
            let values = try KeyedStaleWhileRevalidate<String, Response>(
                "values", .init(freshFor: .seconds(5), staleFor: .seconds(600), maxKeys: 10), clock: clock)
            let asked = Log<Int>()
            let response = Response { [weak values] in asked.append(values?.keptCount ?? 0) }
            values.remember(Response {}, for: "a")
            clock.advance(by: .seconds(10))
            @Sendable func call() async throws {
                _ = try await values.execute(for: "a", accepting: { _ in false }) {
                    if isError { throw Busy(response: response) }
                    return response
                }
                await values.waitForRefreshes()
            }
            try await call()
            #expect(values.totals.refreshesFailed == 1 && asked.elements.contains(1))
            clock.advance(by: .seconds(19))
            try await call()
            #expect(values.totals.refreshesFailed == 1)
            clock.advance(by: .seconds(1))
            try await call()
            #expect(values.totals.refreshesFailed == 2)
        }
    }

    @Test("a refresh that a breaker's probe begins is no part of the probe; a load, for which the probe waits, is")
    func probes() async throws {
        let breaker = try CircuitBreaker("b", .init(halfOpen: .init(probes: 1)), clock: clock)
        let values = try KeyedStaleWhileRevalidate<String, Int>(
            "v", settings, through: try Policy("p", clock: clock) { breaker })
        values.remember(1, for: "a")
        breaker.open()
        clock.advance(by: .seconds(10))
        try await breaker.execute {
            let stale = try await values.execute(for: "a") { 2 }
            await values.waitForRefreshes()
            #expect(values.totals.refreshesFailed == 1)
            let loaded = try await values.execute(for: "b") { 3 }
            #expect(stale == 1 && loaded == 3)
        }
        #expect(breaker.state == .closed && breaker.totals.rejected == 1)
    }
}
