import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

/// What a change of one sign or one word in the state machines would break.
@Suite struct LimiterEdgeTests {
    private let second: Int64 = 1_000_000_000

    @Test("permits by hand are not waited for past the deadline of the call around")
    func outerDeadline() async throws {
        let clock = ManualClock()
        let limiter = try RateLimiter("l", .pacing(1, per: .seconds(10)), maxWait: .seconds(60), clock: clock)
        let keyed = try KeyedRateLimiter<String>(
            "k", .init(rule: .pacing(1, per: .seconds(10)), maxWait: .seconds(60)), clock: clock)
        try await limiter.acquire()
        try await keyed.acquire(for: "a")
        let call = CallLimit(TimeSource(clock).now.advanced(by: .seconds(10)), on: TimeSource(clock))
        let ends = call.around {
            Task { () -> [any Error] in
                var errors: [any Error] = []
                do { try await limiter.acquire(maxWait: .seconds(30)) } catch { errors.append(error) }
                do { try await keyed.acquire(for: "a") } catch { errors.append(error) }
                return errors
            }
        }
        #expect(await ends.value.count { $0 is RateLimiter.RejectedError } == 2)
        #expect(limiter.waiting == 0 && keyed.waiting == 0)
    }

    @Test(
        "a reservation is refused whose permits come at the deadline of the call around or later",
        arguments: [
            Rule.pacing(1, per: .seconds(10)), .tokenBucket(1, per: .seconds(10), burst: 1),
            .slidingLog(1, per: .seconds(10)), .fixedWindow(1, per: .seconds(10)),
        ], [false, true])
    func outerDeadlineOfReservations(rule: Rule, isObserved: Bool) async throws {
        let stage = try Stage(rule, observed: isObserved)
        let limiter = stage.limiter
        #expect(limiter.tryAcquire())
        func reserve(in limit: Duration?, of time: TimeSource) async -> (any Error)? {
            let body: @Sendable () -> Task<(any Error)?, Never> = {
                Task {
                    do {
                        let reservation = try limiter.reserve()
                        reservation.cancel()
                        return nil
                    } catch { return error }
                }
            }
            guard let limit else { return await body().value }
            return await CallLimit(time.now.advanced(by: limit), on: time).around(body).value
        }
        let (here, elsewhere) = (limiter.time, TimeSource(ManualClock()))
        for time in [here, elsewhere] {
            #expect(await reserve(in: .seconds(10), of: time) is RateLimiter.RejectedError)
            #expect(await reserve(in: .milliseconds(1), of: time) is RateLimiter.RejectedError)
            #expect(await reserve(in: .nanoseconds(10_000_000_001), of: time) == nil)
        }
        #expect(await reserve(in: nil, of: here) == nil)
        #expect(limiter.promised == 0 && limiter.totals.rejected == 4)
    }

    @Test("one step grants everything that is due, and nothing more")
    func allThatIsDue() throws {
        let stage = try Stage(.pacing(1, per: .seconds(1)))
        #expect(stage.limiter.tryAcquire())
        let reservations = try (0..<4).map { _ in try stage.limiter.held() }
        stage.advance(by: .seconds(3))
        #expect(reservations.map(\.delay) == [.zero, .zero, .zero, .seconds(1)])
        #expect(stage.limiter.promised == 1)
        // Released earlier, they would give back what they hold.
        withExtendedLifetime(reservations) {}
    }

    @Test("pacing of one a year, with thirty reserved")
    func oneAYear() throws {
        let year = Duration.seconds(365 * 86_400)
        let stage = try Stage(.pacing(1, per: year))
        #expect(stage.limiter.tryAcquire())
        let reservations = try (1...30).map { _ in try stage.limiter.held() }
        #expect(reservations.map(\.delay) == (1...30).map { year * $0 })
        #expect(stage.limiter.nextPermit == year * 31 && stage.limiter.available == 0)
        stage.advance(by: year * 30)
        #expect(reservations.map(\.delay) == Array(repeating: .zero, count: 30))
    }

    @Test("rates finer than one in ten thousand are exact")
    func fineRates() throws {
        for (limit, seconds) in [(1, 100_000), (3, 70_001), (99_999, 100_000), (7, 1_000_003)] {
            let stage = try Stage(.tokenBucket(limit, per: .seconds(seconds), burst: 1))
            var passed = 0
            for step in 0...(3 * limit) where limit < 10 {
                stage.advance(to: .seconds(Double(seconds) * Double(step) / Double(limit)) + .nanoseconds(step))
                if stage.limiter.tryAcquire() { passed += 1 }
            }
            #expect(passed == (limit < 10 ? 3 * limit + 1 : 0))
            #expect(stage.limiter.nextPermit <= .seconds(Double(seconds) / Double(limit)) + .nanoseconds(2))
        }
    }

    @Test("what no instant can hold: the hint is the rest of time, and so is the next permit")
    func beyondTime() {
        var state = RateLimiterState(.init(rule: .slidingLog(1, per: .nanoseconds(Int64.max))), now: second)
        _ = state.ask(1, now: second, maxWait: 0, latest: .min)
        guard case .refused(let hint) = state.ask(1, now: 2 * second, maxWait: .max, latest: .max) else {
            Issue.record("there is none")
            return
        }
        #expect(hint == .max - 2 * second)
        let next = state.nextPermit(now: 2 * second)
        #expect(next == .max - 2 * second)
    }

    @Test("a hint is never below zero, to the nanosecond")
    func hints() {
        for rule in WrongClockTests.rules {
            for moment in [0, 1, second / 5 - 1, second / 5, second - 1, second] as [Int64] {
                var state = RateLimiterState(.init(rule: rule), now: 0)
                for _ in 0..<20 {
                    guard case .refused(let hint) = state.ask(1, now: moment, maxWait: 0, latest: .min) else {
                        continue
                    }
                    let isSufficient = state.ask(1, now: moment + hint, maxWait: 0, latest: .min).isGranted
                    #expect(hint > 0 && isSufficient, "\(rule)")
                    break
                }
            }
        }
    }

    @Test("a call that waits while the rule becomes one in 292 years is granted when that is over, or refused")
    func slowUpdate() throws {
        let stage = try Stage(.pacing(1, per: .seconds(1)), maxWait: .nanoseconds(Int64.max))
        #expect(stage.limiter.tryAcquire())
        stage.start(1)
        try stage.update(.fixedWindow(1, per: .nanoseconds(Int64.max)), maxWait: .nanoseconds(Int64.max))
        #expect(stage.outcome(1) == nil && stage.limiter.waiting == 1)
        stage.advance(by: .nanoseconds(Int64.max - 1))
        #expect(stage.outcome(1) == nil)
        stage.advance(by: .nanoseconds(1))
        #expect(stage.limiter.waiting == 0)
        stage.drain()
        #expect(stage.outcome(1) == "granted")
    }

    @Test("of two updates of a keyed limiter at the same time, all shards follow the later")
    func updates() async throws {
        for _ in 0..<30 {
            let limiter = try KeyedRateLimiter<Int>("test", .tokenBucket(1, per: .seconds(1)), clock: ManualClock())
            await withTaskGroup(of: Void.self) { group in
                for limit in 1...6 {
                    group.addTask {
                        try? limiter.update(
                            .init(rule: .tokenBucket(limit, per: .seconds(1)), maxKeys: 1000 * limit))
                    }
                }
            }
            let rules = Set(limiter.table.forEachShard { common, _ in common.configuration.rule })
            #expect(rules == [limiter.configuration.rule])
        }
    }

    @Test("a permit of a throttle is judged as a call is, and says whether it counts: a late result does, when it ends")
    func permits() async throws {
        let clock = ManualClock()
        let throttle = try AdaptiveThrottle("test", .init(window: .seconds(10), buckets: 10), clock: clock)
        var context = throttle.rootContext
        context.deadline = context.time.now.advanced(by: .seconds(1))
        let counted = [
            try throttle.tryAcquirePermit().succeed(), try throttle.tryAcquirePermit().fail(InjectedFailure()),
            // Nobody has cancelled the caller: a pool did.
            try throttle.tryAcquirePermit().fail(CancellationError()),
            try throttle.tryAcquirePermit().complete(as: .ignored),
        ]
        #expect(counted == [true, true, true, false])
        #expect(throttle.totals.refused == 2 && throttle.totals.cancelled == 0)
        try await inCancelledTask { [context] in
            _ = try throttle.tryAcquirePermit(in: context).fail(InjectedFailure())
            clock.advance(by: .seconds(2))
            _ = try throttle.tryAcquirePermit(in: context).fail(InjectedFailure())
        }
        #expect(throttle.totals.refused == 3 && throttle.totals.cancelled == 1)
        let late = HeldThrottlePermit(try throttle.tryAcquirePermit())
        clock.advance(by: .seconds(20))
        #expect(late.succeed() == true && throttle.requests == 1 && throttle.accepts == 1)
    }
}

private final class HeldThrottlePermit {
    private var permit: AdaptiveThrottle.Permit?
    init(_ permit: consuming AdaptiveThrottle.Permit) { self.permit = consume permit }
    func succeed() -> Bool? { permit.take()?.succeed() }
}

extension RateLimiterState.Decision {
    fileprivate var isGranted: Bool { if case .granted = self { true } else { false } }
}
