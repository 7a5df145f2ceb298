import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Waiting for the permits of a key", .timeLimit(.minutes(30)))
struct KeyedWaitingTests {
    private static let bucket = RateLimiter.Rule.tokenBucket(1, per: .seconds(1), burst: 2)

    private func exhausted(
        _ configuration: KeyedConfiguration = .init(rule: bucket), observed: Bool = false
    ) throws -> KeyedFixture<String> {
        let fixture = try KeyedFixture<String>(configuration, observed: observed)
        #expect(fixture.limiter.tryAcquire(for: "a", permits: 2))
        return fixture
    }

    @Test("those who wait are served in order, and other keys do not wait")
    func order() async throws {
        let fixture = try exhausted(observed: true)
        let first = await fixture.startWaiting(for: "a")
        let second = await fixture.startWaiting(for: "a")
        #expect(fixture.limiter.waiting(for: "a") == 2 && fixture.limiter.waiting == 2)
        #expect(fixture.clock.timerCount == 1)
        #expect(fixture.limiter.tryAcquire(for: "b"))
        #expect(!fixture.limiter.tryAcquire(for: "a"))
        #expect(fixture.limiter.nextPermit(for: "a") == .seconds(3))
        fixture.clock.advance(by: .seconds(1))
        try await first.value
        #expect(fixture.limiter.waiting(for: "a") == 1)
        fixture.clock.advance(by: .seconds(1))
        try await second.value
        #expect(fixture.limiter.waiting == 0 && fixture.clock.timerCount == 0)
        let totals = fixture.limiter.totals
        #expect(totals.waited == 2 && totals.waitingTime == .seconds(3) && totals.permitted == 4)
        #expect(totals.calls == 5)
        let waits = fixture.events.compactMap {
            if case .permitted(_, _, let waited) = $0.kind { waited } else { nil }
        }
        #expect(waits == [.zero, .zero, .seconds(1), .seconds(2)])
        fixture.clock.advance(by: .seconds(2))
        #expect(fixture.limiter.removeIdle() == 2)
    }

    @Test("X-09: one that is cancelled leaves no trace, and those behind move up")
    func movingUp() async throws {
        let fixture = try exhausted(observed: true)
        let first = await fixture.startWaiting(for: "a", permits: 2)
        let second = await fixture.startWaiting(for: "a")
        #expect(fixture.limiter.nextPermit(for: "a") == .seconds(4))
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(fixture.limiter.nextPermit(for: "a") == .seconds(2))
        fixture.clock.advance(by: .seconds(1))
        try await second.value
        let totals = fixture.limiter.totals
        #expect(totals.cancelled == 1 && totals.permitted == 2 && totals.calls == 3)
        #expect(fixture.recorder.names.suffix(2) == ["keyed_rate_limiter.cancelled", "keyed_rate_limiter.permitted"])
    }

    @Test("X-09: when all have given up, the balance is as before and no timer is left")
    func balance() async throws {
        let fixture = try exhausted()
        let waiters = [await fixture.startWaiting(for: "a"), await fixture.startWaiting(for: "a", permits: 2)]
        for waiter in waiters.reversed() {
            waiter.cancel()
            _ = await waiter.result
        }
        #expect(fixture.limiter.nextPermit(for: "a") == .seconds(1))
        #expect(fixture.clock.timerCount == 0)
        fixture.clock.advance(by: .seconds(2))
        #expect(fixture.limiter.available(for: "a") == 2)
        #expect(fixture.limiter.removeIdle() == 1)
    }

    @Test("X-09: permits that were granted at the moment of being cancelled are given back", arguments: [false, true])
    func lateCancellation(withOthers: Bool) async throws {
        let fixture = try exhausted()
        let now = fixture.clock
        let reply = fixture.limiter.ask("a", 1, now: TimeSource(now).now, maxWait: .max, deadline: .max)
        let entry = try #require(try fixture.limiter.shared.entry(reply, 1))
        let other = withOthers ? await fixture.startWaiting(for: "a") : nil
        fixture.clock.advance(by: .seconds(1))
        let limiter = fixture.limiter
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await limiter.wait(for: entry, "a")
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(fixture.limiter.totals.cancelled == 1)
        if let other {
            try await other.value  // It got the permit that came back, without waiting on.
        } else {
            #expect(fixture.limiter.available(for: "a") == 1)
        }
    }

    @Test("permits that were granted by another rule are not given back")
    func lateCancellationAfterUpdate() async throws {
        let fixture = try exhausted()
        let reply = fixture.limiter.ask(
            "a", 1, now: TimeSource(fixture.clock).now, maxWait: .max, deadline: .max)
        let entry = try #require(try fixture.limiter.shared.entry(reply, 1))
        fixture.clock.advance(by: .seconds(1))
        try fixture.limiter.update(.init(rule: .fixedWindow(4, per: .seconds(100))))
        let before = fixture.limiter.available(for: "a")
        let limiter = fixture.limiter
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await limiter.wait(for: entry, "a")
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(fixture.limiter.available(for: "a") == before)
    }

    @Test("a call waits no longer than allowed, and never until its deadline")
    func limits() async throws {
        let fixture = try exhausted(.init(rule: Self.bucket, maxWait: .seconds(1)))
        let first = Task { [limiter = fixture.limiter] in try await limiter.execute(for: "a") { 7 } }
        await yield { fixture.limiter.waiting == 1 }
        let error = RateLimiter.RejectedError(policyName: "test", permits: 1, retryAfter: .seconds(2))
        await #expect(throws: error) { try await fixture.limiter.execute(for: "a") {} }
        await #expect(throws: error) { try await fixture.limiter.acquire(for: "a", maxWait: .seconds(1.5)) }
        var context = fixture.limiter["b"].rootContext
        context.deadline = TimeSource.Instant(nanoseconds: 1_000_000_000)
        #expect(fixture.limiter.tryAcquire(for: "b", permits: 2))
        await #expect(throws: RateLimiter.RejectedError.self) {
            try await fixture.limiter["b"].execute(context) { _ in }
        }
        fixture.clock.advance(by: .seconds(1))
        #expect(try await first.value == 7)
    }

    @Test("an update retimes those who wait, and refuses those who now never get there")
    func update() async throws {
        let fixture = try exhausted(observed: true)
        let first = await fixture.startWaiting(for: "a")
        let second = await fixture.startWaiting(for: "a", permits: 2)
        let third = await fixture.startWaiting(for: "a")
        // Two permits are in use, so that the only one of the new bucket is there after 100 ms.
        try fixture.limiter.update(.init(rule: .tokenBucket(10, per: .seconds(1), burst: 1)))
        let never = RateLimiter.ExceedsLimitError(policyName: "test", permits: 2, burst: 1)
        await #expect(throws: never) { try await second.value }
        fixture.clock.advance(by: .milliseconds(100))
        try await first.value
        fixture.clock.advance(by: .milliseconds(100))
        try await third.value
        #expect(fixture.limiter.totals.rejected == 1 && fixture.limiter.totals.waited == 2)
        #expect(fixture.recorder.names.count { $0 == "keyed_rate_limiter.rejected" } == 1)
    }

    @Test("an earlier timer replaces a later one")
    func earlierTimer() async throws {
        let fixture = try exhausted()
        let waiter = await fixture.startWaiting(for: "a")
        try fixture.limiter.update(.init(rule: .tokenBucket(10, per: .seconds(1), burst: 2)))
        #expect(fixture.clock.timerCount == 1)
        fixture.clock.advance(by: .milliseconds(100))
        try await waiter.value
        #expect(fixture.clock.timerCount == 0)
    }

    @Test("pacing makes a key wait for all its permits, also one that is new")
    func pacing() async throws {
        let fixture = try KeyedFixture<String>(.init(rule: .pacing(1, per: .seconds(1))))
        #expect(!fixture.limiter.tryAcquire(for: "a", permits: 3))
        let waiter = await fixture.startWaiting(for: "a", permits: 3)
        fixture.clock.advance(by: .seconds(2))
        try await waiter.value
        #expect(fixture.limiter.nextPermit(for: "a") == .seconds(1))
    }
}
