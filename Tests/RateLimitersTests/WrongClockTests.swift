import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

/// One wrong reading of the clock, half an hour ahead or behind: as soon as the clock is right again, everything works
/// within its own period.
@Suite struct WrongClockTests {
    static let rules: [Rule] = [
        .tokenBucket(5, per: .seconds(1)), .tokenBucket(3, per: .seconds(1), burst: 7), .pacing(5, per: .seconds(1)),
        .fixedWindow(5, per: .seconds(1)), .slidingWindow(5, per: .seconds(1)), .slidingLog(5, per: .seconds(1)),
    ]
    static let errors: [Duration] = [.seconds(1800), .seconds(-1800), .seconds(90), .seconds(40 * 365 * 86_400)]

    /// Takes what there is in steps of 100 ms, and returns how many were there in each of three seconds.
    private func taken(_ clock: SkewedClock, from start: Int, _ take: () -> Bool) -> [Int] {
        (0..<3).map { second in
            (0..<10).reduce(0) { sum, step in
                clock.show(.milliseconds(start + second * 1000 + step * 100))
                return sum + (0..<10).count { _ in take() }
            }
        }
    }

    @Test("a limiter gives its rate, whatever one wrong moment was used for", arguments: rules, errors)
    func limiter(rule: Rule, error: Duration) throws {
        let uses: [(RateLimiter) -> Void] = [
            { _ = $0.tryAcquire() }, { limiter in for _ in 0..<20 { _ = limiter.tryAcquire() } },
            { _ = $0.available }, { _ = $0.drain() }, { try? $0.update(.init(rule: rule, maxWait: .seconds(1))) },
            { limiter in _ = try? limiter.reserve(1).use() },
        ]
        for (number, use) in uses.enumerated() {
            let clock = SkewedClock()
            clock.show(.seconds(10))
            let limiter = try RateLimiter("test", rule, clock: clock)
            for _ in 0..<3 { _ = limiter.tryAcquire() }
            clock.show(.seconds(10) + error)
            use(limiter)
            let numbers = taken(clock, from: 10_000) { limiter.tryAcquire() }
            #expect(numbers.allSatisfy { (0...14).contains($0) }, "use \(number): \(numbers)")
            #expect(numbers[1...].allSatisfy { abs($0 - rule.permits) <= 1 }, "use \(number): \(numbers)")
            #expect(limiter.nextPermit <= .seconds(1))
        }
    }

    @Test("each key gives its rate", arguments: rules, errors)
    func keyed(rule: Rule, error: Duration) throws {
        let clock = SkewedClock()
        clock.show(.seconds(10))
        let limiter = try KeyedRateLimiter<Int>("test", rule, maxKeys: 4, clock: clock)
        for key in 0..<3 { _ = limiter.tryAcquire(for: key) }
        clock.show(.seconds(10) + error)
        _ = limiter.tryAcquire(for: 0)
        _ = limiter.available(for: 1)
        for key in [0, 1, 7] {
            let numbers = taken(clock, from: 10_000 + key * 10_000) { limiter.tryAcquire(for: key) }
            #expect(numbers[1...].allSatisfy { abs($0 - rule.permits) <= 1 }, "key \(key): \(numbers)")
            #expect(limiter.nextPermit(for: key) <= .seconds(1) && limiter.available(for: key) <= rule.burst)
        }
    }

    @Test("a throttle counts on: it rejects while calls are refused, and recovers", arguments: errors)
    func throttle(error: Duration) throws {
        let uses: [(AdaptiveThrottle) -> Void] = [
            { _ = try? $0.tryAcquirePermit().succeed() }, { _ = $0.requests },
            { _ = try? $0.tryAcquirePermit().complete(as: .refused) }, { try? $0.update($0.configuration) },
        ]
        for (number, use) in uses.enumerated() {
            let clock = SkewedClock()
            clock.show(.seconds(10))
            let throttle = try AdaptiveThrottle(
                "test", .init(window: .seconds(10), buckets: 10), clock: clock, random: .constant(0.99))
            clock.show(.seconds(10) + error)
            use(throttle)
            clock.show(.seconds(11))
            for _ in 0..<40 { _ = try? throttle.tryAcquirePermit().complete(as: .refused) }
            #expect(throttle.requests >= 39 && throttle.rejectionProbability > 0.8, "use \(number)")
            clock.show(.seconds(30))
            #expect(throttle.rejectionProbability == 0 && throttle.requests == 0, "use \(number)")
        }
    }

    @Test("a call that waits when the clock is right again is served within the period")
    func waiting() throws {
        var state = RateLimiterState(.init(rule: .slidingLog(1, per: .seconds(1)), maxWait: .seconds(10)), now: 0)
        let second: Int64 = 1_000_000_000
        _ = state.ask(1, now: 1800 * second, maxWait: 0, latest: .min)
        guard case .queued(let ticket) = state.ask(1, now: 1800 * second, maxWait: 10 * second, latest: 1810 * second)
        else {
            Issue.record("it may wait")
            return
        }
        #expect(state.latestMoment(after: second) == 1800 * second)
        state.rewind(to: second, if: 1800 * second)
        #expect(state.latestMoment(after: second) == nil)
        state.advance(to: 2 * second)
        guard case .granted = ticket.phase else {
            Issue.record("it is due")
            return
        }
        // Once the clock has come to a moment, that is no reason to go back.
        state.rewind(to: 3 * second, if: 2 * second)
        #expect(state.latestMoment(after: second) == 2 * second)
    }
}
