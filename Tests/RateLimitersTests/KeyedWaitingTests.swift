import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Waiting for the permits of a key", .timeLimit(.minutes(30)))
struct KeyedWaitingTests {
    private static let bucket = RateLimiter.Rule.tokenBucket(1, per: .seconds(1), burst: 2)

    private func exhausted(
        _ configuration: KeyedConfiguration = .init(rule: bucket), observed: Bool = false
    ) throws -> KeyedStage<String> {
        let stage = try KeyedStage<String>(configuration, observed: observed)
        #expect(stage.limiter.tryAcquire(for: "a", permits: 2))
        return stage
    }

    @Test("waiting calls are served in order, and other keys do not wait")
    func order() async throws {
        let stage = try exhausted(observed: true)
        let first = stage.startWaiting(for: "a")
        let second = stage.startWaiting(for: "a")
        #expect(stage.limiter.waiting(for: "a") == 2 && stage.limiter.waiting == 2)
        #expect(stage.clock.timerCount == 1)
        #expect(stage.limiter.tryAcquire(for: "b"))
        #expect(!stage.limiter.tryAcquire(for: "a"))
        #expect(stage.limiter.nextPermit(for: "a") == .seconds(3))
        stage.advance(by: .seconds(1))
        try await first.value
        #expect(stage.limiter.waiting(for: "a") == 1)
        stage.advance(by: .seconds(1))
        try await second.value
        #expect(stage.limiter.waiting == 0 && stage.clock.timerCount == 0)
        let totals = stage.limiter.totals
        #expect(totals.waited == 2 && totals.waitingTime == .seconds(3) && totals.permitted == 4)
        #expect(totals.calls == 5)
        let waits = stage.events.compactMap {
            if case .permitted(_, _, let waited) = $0.kind { waited } else { nil }
        }
        #expect(waits == [.zero, .zero, .seconds(1), .seconds(2)])
        stage.advance(by: .seconds(2))
        #expect(stage.limiter.removeIdle() == 2)
    }

    @Test("X-09: a call that is cancelled leaves no trace, and the calls behind it move up")
    func movingUp() async throws {
        let stage = try exhausted(observed: true)
        let first = stage.startWaiting(for: "a", permits: 2)
        let second = stage.startWaiting(for: "a")
        #expect(stage.limiter.nextPermit(for: "a") == .seconds(4))
        stage.cancel(first)
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(stage.limiter.nextPermit(for: "a") == .seconds(2))
        stage.advance(by: .seconds(1))
        try await second.value
        let totals = stage.limiter.totals
        #expect(totals.cancelled == 1 && totals.permitted == 2 && totals.calls == 3)
        #expect(stage.recorder.names.suffix(2) == ["keyed_rate_limiter.cancelled", "keyed_rate_limiter.permitted"])
    }

    @Test("X-09: when all have given up, the balance is as before and no timer is left")
    func balance() async throws {
        let stage = try exhausted()
        let waiters = [stage.startWaiting(for: "a"), stage.startWaiting(for: "a", permits: 2)]
        for waiter in waiters.reversed() {
            stage.cancel(waiter)
            _ = await waiter.result
        }
        #expect(stage.limiter.nextPermit(for: "a") == .seconds(1))
        #expect(stage.clock.timerCount == 0)
        stage.advance(by: .seconds(2))
        #expect(stage.limiter.available(for: "a") == 2)
        #expect(stage.limiter.removeIdle() == 1)
    }

    @Test("X-09: permits that were granted at the moment of being cancelled are given back", arguments: [false, true])
    func lateCancellation(withOthers: Bool) async throws {
        let stage = try exhausted()
        let now = stage.clock
        let reply = stage.limiter.ask("a", 1, now: TimeSource(now).now, maxWait: .max, deadline: .max)
        let queued = try #require(try stage.limiter.shared.queued(reply, 1))
        let other = withOthers ? stage.startWaiting(for: "a") : nil
        stage.advance(by: .seconds(1))
        let limiter = stage.limiter
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await limiter.wait(for: queued, "a")
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        stage.executor.drain()
        #expect(stage.limiter.totals.cancelled == 1)
        if let other {
            try await other.value  // It got the permit that came back, without waiting on.
        } else {
            #expect(stage.limiter.available(for: "a") == 1)
        }
    }

    @Test("permits that were granted by another rule are not given back")
    func lateCancellationAfterUpdate() async throws {
        let stage = try exhausted()
        let reply = stage.limiter.ask(
            "a", 1, now: TimeSource(stage.clock).now, maxWait: .max, deadline: .max)
        let queued = try #require(try stage.limiter.shared.queued(reply, 1))
        stage.advance(by: .seconds(1))
        try stage.update(.init(rule: .fixedWindow(4, per: .seconds(100))))
        let before = stage.limiter.available(for: "a")
        let limiter = stage.limiter
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await limiter.wait(for: queued, "a")
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(stage.limiter.available(for: "a") == before)
    }

    @Test("a call waits no longer than allowed, and never until its deadline")
    func limits() async throws {
        let stage = try exhausted(.init(rule: Self.bucket, maxWait: .seconds(1)))
        let first = stage.startWaiting(for: "a") { try await $0.execute(for: "a") { 7 } }
        let error = RateLimiter.RejectedError(policyName: "test", permits: 1, retryAfter: .seconds(2))
        await #expect(throws: error) { try await stage.limiter.execute(for: "a") {} }
        await #expect(throws: error) { try await stage.limiter.acquire(for: "a", maxWait: .seconds(1.5)) }
        var context = stage.limiter["b"].rootContext
        context.deadline = TimeSource.Instant(nanoseconds: 1_000_000_000)
        #expect(stage.limiter.tryAcquire(for: "b", permits: 2))
        await #expect(throws: RateLimiter.RejectedError.self) {
            try await stage.limiter["b"].execute(context) { _ in }
        }
        stage.advance(by: .seconds(1))
        #expect(try await first.value == 7)
    }

    @Test("an update retimes waiting calls, and refuses those that now never get there")
    func update() async throws {
        let stage = try exhausted(observed: true)
        let first = stage.startWaiting(for: "a")
        let second = stage.startWaiting(for: "a", permits: 2)
        let third = stage.startWaiting(for: "a")
        // Two permits are in use, so that the only one of the new bucket is there after 100 ms.
        try stage.update(.init(rule: .tokenBucket(10, per: .seconds(1), burst: 1)))
        let never = RateLimiter.ExceedsLimitError(policyName: "test", permits: 2, burst: 1)
        await #expect(throws: never) { try await second.value }
        stage.advance(by: .milliseconds(100))
        try await first.value
        stage.advance(by: .milliseconds(100))
        try await third.value
        #expect(stage.limiter.totals.rejected == 1 && stage.limiter.totals.waited == 2)
        #expect(stage.recorder.names.count { $0 == "keyed_rate_limiter.rejected" } == 1)
    }

    @Test("an earlier timer replaces a later one")
    func earlierTimer() async throws {
        let stage = try exhausted()
        let waiter = stage.startWaiting(for: "a")
        try stage.update(.init(rule: .tokenBucket(10, per: .seconds(1), burst: 2)))
        #expect(stage.clock.timerCount == 1)
        stage.advance(by: .milliseconds(100))
        try await waiter.value
        #expect(stage.clock.timerCount == 0)
    }

    @Test("pacing makes a key wait for all its permits, also one that is new")
    func pacing() async throws {
        let stage = try KeyedStage<String>(.init(rule: .pacing(1, per: .seconds(1))))
        #expect(!stage.limiter.tryAcquire(for: "a", permits: 3))
        let waiter = stage.startWaiting(for: "a", permits: 3)
        stage.advance(by: .seconds(2))
        try await waiter.value
        #expect(stage.limiter.nextPermit(for: "a") == .seconds(1))
    }
}
