import ResilienceCore
import ResilienceTesting
import Retries
import Testing

@testable import RateLimiters

/// How established toolkits behave, by the rows of their own tests.
@Suite("Limiter: scenarios", .timeLimit(.minutes(30)))
struct LimiterScenarioTests {
    private let second = Duration.seconds(1)

    // MARK: resilience4j

    /// Its cycles are a fixed window. Time starts with the limiter.
    @Test("R4-33: 1 per 250 ms: yes, no, yes, no, and the hint is the rest of the window")
    func cycles() throws {
        let stage = try Stage(.fixedWindow(1, per: .milliseconds(250)))
        stage.advance(to: .milliseconds(250))
        #expect(stage.limiter.tryAcquire())
        #expect(stage.limiter.nextPermit == .milliseconds(250))
        #expect(stage.limiter.refusal() == "refused 250000000")
        stage.advance(to: .nanoseconds(499_999_999))
        #expect(stage.limiter.refusal() == "refused 1" && stage.limiter.nextPermit == .nanoseconds(1))
        stage.advance(to: .milliseconds(500))
        #expect(stage.limiter.tryAcquire() && !stage.limiter.tryAcquire())
        #expect(stage.limiter.nextPermit == .milliseconds(250))
    }

    /// There the balance goes to −1; here what is promised is told apart from what is available.
    @Test(
        "R4-34: a reservation waits, the next is refused and changes nothing; R4-35: idling saves up no more than the limit"
    )
    func reservations() throws {
        let stage = try Stage(.fixedWindow(1, per: .milliseconds(250)))
        stage.advance(to: .milliseconds(250))
        #expect(stage.limiter.tryAcquire())
        let reservation = try stage.limiter.held(maxWait: .milliseconds(250))
        #expect(reservation.delay == .milliseconds(250))
        #expect(stage.limiter.promised == 1 && stage.limiter.available == 0)
        #expect(stage.limiter.nextPermit == .milliseconds(500))
        #expect(throws: RejectedError(policyName: "test", permits: 1, retryAfter: .milliseconds(500))) {
            try stage.limiter.held(maxWait: .milliseconds(250))
        }
        #expect(stage.limiter.promised == 1 && stage.limiter.nextPermit == .milliseconds(500))
        reservation.use()

        stage.advance(to: .nanoseconds(1_500_000_010))
        #expect(stage.limiter.available == 1 && stage.limiter.nextPermit == .zero && stage.limiter.promised == 0)
    }

    /// A window of 1 never has 3 permits, which is told at once; pacing gives them one after another.
    @Test("R4-36: a weight of 3 where 1 comes each 250 ms")
    func weight() throws {
        let window = try Stage(.fixedWindow(1, per: .milliseconds(250)))
        #expect(throws: ExceedsLimitError(policyName: "test", permits: 3, burst: 1)) { try window.limiter.held(3) }
        let paced = try Stage(.pacing(1, per: .milliseconds(250)))
        paced.advance(to: .milliseconds(250))
        let reservation = try paced.limiter.held(3, maxWait: .milliseconds(1250))
        #expect(reservation.delay == .milliseconds(500) && reservation.permits == 3)
        #expect(paced.limiter.nextPermit == .milliseconds(750))
    }

    // MARK: failsafe-go

    /// There the other four attempts are rejected at once, one after another. Here a retry waits as long as a rejection
    /// says, and ends with it if that is longer than it may wait.
    @Test("FS-20: up to 7 attempts around 3 a second: 3 calls, and the last error is the rejection")
    func retryAround() async throws {
        let clock = ManualClock()
        let limiter = try RateLimiter("test", .fixedWindow(3, per: second), clock: clock)
        let policy = try Policy("p", clock: clock) {
            Retry.layer(.init(backoff: .immediate, maxAttempts: 7, maxDelay: .milliseconds(999)))
            limiter
        }
        let calls = Lock(0)
        await #expect(throws: RejectedError(policyName: "test", permits: 1, retryAfter: second)) {
            try await policy.execute {
                calls.withLock { $0 += 1 }
                throw InjectedFailure()
            }
        }
        #expect(calls.withLock { $0 } == 3)
        #expect(limiter.totals.permitted == 3 && limiter.totals.rejected == 1)
    }

    @Test("a retry around a limiter waits for as long as the rejection says, and then has a permit")
    func retryWithHints() async throws {
        let clock = ManualClock()
        let limiter = try RateLimiter("test", .fixedWindow(2, per: second), clock: clock)
        let policy = try Policy("p", clock: clock) {
            Retry.layer(.init(backoff: .immediate, maxAttempts: 4, hintJitter: 0, onRejection: .waitUntilRetryAfter))
            limiter
        }
        let calls = Lock(0)
        let task = Task {
            try await policy.execute {
                let number = calls.withLock { calls in
                    calls += 1
                    return calls
                }
                if number < 3 { throw InjectedFailure() }
            }
        }
        try await clock.waitForSleepers(1)
        #expect(limiter.totals.permitted == 2 && limiter.totals.rejected == 1)
        clock.advance(by: second)
        try await task.value
        #expect(calls.withLock { $0 } == 3 && limiter.totals.rejected == 1)
    }

    @Test("FS-34: cancelled while waiting for a permit: no call, and at once")
    func cancelledWhileWaiting() throws {
        let stage = try Stage(.tokenBucket(1, per: second), maxWait: .seconds(10))
        #expect(stage.limiter.tryAcquire())
        let call = stage.start(1)
        #expect(stage.outcome(1) == nil && stage.limiter.waiting == 1)
        stage.cancel(call)
        #expect(stage.outcome(1) == "cancelled" && stage.order.isEmpty)
        #expect(stage.limiter.waiting == 0 && stage.clock.timerCount == 0)
        #expect(stage.limiter.nextPermit == second)
    }

    /// Waits of asks for these permits, and when the next one would be free, in the unit of the rule's test.
    private func play(
        _ rule: Rule, _ steps: [(at: Duration, permits: [Int])]
    ) throws -> [(wait: Duration, nextFree: Duration)] {
        let stage = try Stage(rule)
        return try steps.map { step in
            stage.advance(to: step.at)
            var wait = Duration.zero
            for permits in step.permits {
                let reservation = try stage.limiter.held(permits)
                wait = reservation.delay
                reservation.use()
            }
            return (wait, step.at + stage.limiter.nextPermit)
        }
    }

    /// There permits stand on a grid of 500 ms, so that 3 of them at 9.1 s come at 9.1, 9.5 and 10.0 s. Here no two are
    /// closer than 500 ms: 9.1, 9.6 and 10.1 s.
    @Test("FS-35: smooth, 1 per 500 ms")
    func smoothHalfSeconds() throws {
        let played = try play(
            .pacing(1, per: .milliseconds(500)),
            [
                (.zero, Array(repeating: 1, count: 7)), (.milliseconds(800), [3]), (.milliseconds(2300), [1]),
                (.milliseconds(3500), [3]), (.milliseconds(9100), [3]), (.milliseconds(11_000), [1]),
            ])
        #expect(played.map(\.wait) == [3000, 3700, 2700, 3000, 1000, 0].map { .milliseconds($0) })
        #expect(played.map(\.nextFree) == [3500, 5000, 5500, 7000, 10_600, 11_500].map { .milliseconds($0) })
    }

    /// On the grid the last wait is 190 ms, and the next free 2600 ms.
    @Test("FS-36: smooth, 1 per 200 ms")
    func smoothFifths() throws {
        let played = try play(
            .pacing(1, per: .milliseconds(200)),
            [(.zero, [3]), (.milliseconds(550), [2]), (.milliseconds(2210), [2])])
        #expect(played.map(\.wait) == [400, 250, 200].map { .milliseconds($0) })
        #expect(played.map(\.nextFree) == [600, 1000, 2610].map { .milliseconds($0) })
    }

    /// On the grid two calls may be 50 ns apart, so that the last 2 wait 50 ns; here they are 100 ns apart.
    @Test("FS-37: smooth, 1 per 100 ns, strictly spaced")
    func smoothHundreds() throws {
        let rule = Rule.pacing(1, per: .nanoseconds(100))
        let busy = try Stage(rule)
        var waits: [Duration] = []
        for at in [0, 0, 100, 100] {
            busy.advance(to: .nanoseconds(at))
            let reservation = try busy.limiter.held()
            waits.append(reservation.delay)
            reservation.use()
        }
        #expect(waits == [0, 100, 100, 200].map { .nanoseconds($0) })
        let played = try play(rule, [(.zero, [1]), (.nanoseconds(150), [1]), (.nanoseconds(250), [2])])
        #expect(played.map(\.wait) == [0, 0, 100].map { .nanoseconds($0) })
    }

    /// All permits of a second at its start is a fixed window. Its balance there is what is available less what is
    /// promised. A window of 2 has no ask for 3, which are three asks for 1.
    @Test("FS-38: bursty, 2 per s")
    func bursty() throws {
        let stage = try Stage(.fixedWindow(2, per: second))
        var (waits, balances): ([Duration], [Int]) = ([], [])
        for (at, count) in [(0, 7), (800, 3), (2300, 1), (3500, 3), (7000, 1)] {
            stage.advance(to: .milliseconds(at))
            var wait = Duration.zero
            for _ in 0..<count {
                let reservation = try stage.limiter.held()
                wait = reservation.delay
                reservation.use()
            }
            waits.append(wait)
            balances.append(stage.limiter.available - stage.limiter.promised)
        }
        #expect(waits == [3000, 3200, 2700, 2500, 0].map { .milliseconds($0) })
        #expect(balances == [-5, -8, -5, -6, 1])
    }

    // MARK: governor

    @Test("GV-1: 2 per s: yes, yes, no, and a second later again")
    func twoPerSecond() throws {
        let stage = try Stage(.tokenBucket(2, per: second))
        let answers = [0, 1, 2, 1002, 1003, 1004].map { at in
            stage.advance(to: .milliseconds(at))
            return stage.limiter.tryAcquire()
        }
        #expect(answers == [true, true, false, true, true, false])
    }

    @Test("GV-2: no permit more after idling")
    func idling() throws {
        let stage = try Stage(.tokenBucket(5, per: second))
        for at in [0, 2] {
            stage.advance(to: .seconds(at))
            #expect((0..<6).map { _ in stage.limiter.tryAcquire() } == [true, true, true, true, true, false])
        }
    }

    // MARK: Beyond

    /// Around the end of a window the fixed one lets through twice its limit; token buckets what comes in 20 ms on top.
    @Test(
        "X-15: 100 at 0.99 s and 100 at 1.01 s",
        arguments: [
            (.fixedWindow(100, per: .seconds(1)), 200), (.slidingLog(100, per: .seconds(1)), 100),
            (.slidingWindow(100, per: .seconds(1)), 101), (.tokenBucket(100, per: .seconds(1)), 102),
            (.tokenBucket(100, per: .seconds(1), burst: 50), 52), (.pacing(100, per: .seconds(1)), 2),
        ] as [(Rule, Int)])
    func aroundTheEndOfAWindow(rule: Rule, expected: Int) throws {
        let stage = try Stage(rule)
        var passed = 0
        for at in [990, 1010] {
            stage.advance(to: .milliseconds(at))
            for _ in 0..<100 where stage.limiter.tryAcquire() { passed += 1 }
        }
        #expect(passed == expected)
    }

    @Test(
        "X-09: one that waits is cancelled: the balance is as before, and a later one moves up",
        arguments: RateLimiter.Rule.kinds)
    func movingUp(rule: Rule) throws {
        let stage = try Stage(rule, maxWait: .seconds(100))
        _ = stage.limiter.drain()
        let before = stage.limiter.nextPermit
        let first = stage.start(1, permits: 3)
        let later = stage.limiter.nextPermit
        let second = stage.start(2)
        #expect(later > before || rule.burst > 3)
        stage.cancel(first)
        #expect(stage.outcome(1) == "cancelled" && stage.outcome(2) == nil)
        stage.advance(by: before)
        #expect(stage.outcome(2) == "granted")
        stage.cancel(second)
        #expect(stage.limiter.totals.cancelled == 1 && stage.limiter.totals.calls == 2)
    }

    @Test("X-09: when all waiting calls give up, nothing is left of them", arguments: RateLimiter.Rule.kinds)
    func balance(rule: Rule) throws {
        let stage = try Stage(rule, maxWait: .seconds(100))
        _ = stage.limiter.drain()
        let before = stage.limiter.nextPermit
        let calls = (0..<4).map { stage.start($0, permits: $0 % 2 + 1) }
        for call in calls.reversed() { stage.cancel(call) }
        #expect(stage.limiter.nextPermit == before && stage.limiter.promised == 0 && stage.clock.timerCount == 0)
        stage.advance(by: .seconds(10))
        #expect(stage.limiter.available == rule.burst)
    }
}
