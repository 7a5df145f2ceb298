import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

/// A clock may show anything, in any order: the first and the last moment that there is, and one between.
@Suite("A clock at the ends of time", .timeLimit(.minutes(30)))
struct EndsOfTimeTests {
    private static let readings: [Duration] = [
        .zero, .nanoseconds(Int64.min), .nanoseconds(Int64.min + 1), .nanoseconds(Int64.max - 1),
        .nanoseconds(Int64.max),
    ]

    private static let lengths: [Duration] = [.nanoseconds(1), .nanoseconds(7), .seconds(1), .nanoseconds(Int64.max)]

    /// What is done after one reading of the clock, and then after the others.
    private func play(_ clock: SkewedClock, _ use: () async throws -> Void) async {
        for first in Self.readings {
            for second in Self.readings {
                for reading in [first, second, .zero, first] {
                    clock.show(reading)
                    // What is rejected or cancelled is as good as what is not: that it comes back is the point.
                    do { try await use() } catch {}
                }
            }
        }
    }

    private func collect(_ sources: any MetricSource...) -> Int { MetricCollection(of: sources).entries.count }

    @Test("circuit breakers of all windows count, break, are retuned, saved and restored", arguments: lengths)
    func breakers(length: Duration) async throws {
        let windows: [CircuitBreaker.Window] = [
            .time(length, buckets: 1), .time(length, buckets: 10), .calls(3), .unbounded, .interval(length),
        ]
        for window in windows {
            let clock = SkewedClock()
            let configurations = try [CircuitBreaker.BreakLength.fixed(length), .growing(from: length, upTo: length)]
                .flatMap { breakLength in
                    try (windows + [window]).map { window in
                        let configuration = CircuitBreaker.Configuration(
                            trip: .failureRate(0.5, minimumCalls: 2), window: window, slowCallDuration: length,
                            breakLength: breakLength)
                        try configuration.validate()
                        return configuration
                    }
                }
            let breaker = try CircuitBreaker("b", configurations[0], clock: clock)
            var number = 0
            await play(clock) {
                try? breaker.update(configurations[number % configurations.count])
                number += 1
                try? breaker.restore(breaker.snapshot)
                for outcome in [CircuitBreaker.Outcome.failure, .success, .ignored] {
                    _ = try? breaker.tryAcquirePermit().complete(as: outcome)
                }
                _ = (breaker.counts, breaker.remainingBreak, breaker.state, collect(breaker))
                try await breaker.execute {}
            }
            #expect(number == 100 && breaker.totals.succeeded > 0 && breaker.totals.failed > 0)
        }
    }

    @Test("limiters of all rules, plain and keyed, grant, reserve, give back and are retuned", arguments: lengths)
    func limiters(length: Duration) async throws {
        let rules: [RateLimiter.Rule] = [
            .tokenBucket(1, per: length), .pacing(1, per: length), .fixedWindow(1, per: length),
            .slidingWindow(1, per: length), .slidingLog(1, per: length),
        ]
        for rule in rules {
            let clock = SkewedClock()
            let limiter = try RateLimiter("l", rule, clock: clock)
            let keyed = try KeyedRateLimiter<Int>("k", .init(rule: rule), clock: clock)
            var number = 0
            await play(clock) {
                _ = (limiter.tryAcquire(), keyed.tryAcquire(for: number % 3))
                _ = try? limiter.reserve().cancel()
                _ = (limiter.available, limiter.nextPermit, collect(limiter, keyed))
                if number % 2 == 0 {
                    let other = rules[number / 2 % rules.count]
                    try? limiter.update(.init(rule: other))
                    try? keyed.update(.init(rule: other))
                }
                number += 1
                try? await keyed.execute(for: 1) {}
                try await limiter.execute {}
            }
            #expect(number == 100 && limiter.totals.calls > 0 && keyed.totals.calls > 0)
        }
    }

    @Test("bulkheads of fixed and adaptive limits let calls through and are retuned", arguments: lengths)
    func bulkheads(length: Duration) async throws {
        let limits: [Bulkhead.Limit] = [
            .fixed(1), .adaptive(.aimd()), .adaptive(.vegas()), .adaptive(.gradient2()),
            .adaptive(.windowed(.gradient2())),
        ]
        for limit in limits {
            let clock = SkewedClock()
            let configurations = limits.map {
                Bulkhead.Configuration(limit: $0, queue: .init(capacity: 1, maxWait: length), partitions: ["a": 0.5])
            }
            let bulkhead = try Bulkhead("b", .init(limit: limit), clock: clock)
            var number = 0
            await play(clock) {
                let permit = try? bulkhead.tryAcquirePermit()
                clock.show(Self.readings[number % Self.readings.count])
                permit?.release()
                try? bulkhead.update(configurations[number % limits.count])
                number += 1
                _ = (bulkhead.available, bulkhead.oldestWait, collect(bulkhead))
                try await bulkhead.execute {}
            }
            #expect(number == 100 && bulkhead.inUse == 0 && bulkhead.totals.finished > 0)
        }
    }

    @Test("throttles, pauses and budgets count and are retuned", arguments: lengths)
    func others(length: Duration) async throws {
        let clock = SkewedClock()
        let throttles = [1, 7, 10_000].map {
            AdaptiveThrottle.Configuration(window: length, buckets: $0, minimumRequests: 0)
        }
        let throttle = try AdaptiveThrottle("t", throttles[0], clock: clock)
        let pause = try Pause.layer(.init(maxPause: length)).build(
            in: PolicyEnvironment(name: "p", time: TimeSource(clock)))
        let budgets: [RetryBudget.Configuration] = [
            .ratio(1, window: .milliseconds(1)), .ratio(0.1, window: .seconds(3600)), .throttle(), .quota(),
        ]
        let budget = try RetryBudget(budgets[0], clock: clock)
        var number = 0
        await play(clock) {
            for outcome in [AdaptiveThrottle.Outcome.accepted, .refused] {
                _ = try? throttle.tryAcquirePermit().complete(as: outcome)
            }
            try? throttle.update(throttles[number % throttles.count])
            pause.pause(for: length)
            budget.deposit()
            _ = (
                budget.tryWithdraw(), budget.balance, pause.remaining,
                collect(throttle, pause, budget.metrics(named: "b"))
            )
            try? budget.update(budgets[number % budgets.count])
            number += 1
            try? await throttle.execute {}
            try await pause.execute {}
        }
        #expect(number == 100 && throttle.totals.calls > 0 && pause.totals.pauses > 0)
    }

    @Test("last good values and stale values are as old as they are, refreshed and retuned", arguments: lengths)
    func fallbacks(length: Duration) async throws {
        let clock = SkewedClock()
        let fallback = try KeyedFallback<String, Int>("f", clock: clock) { .lastGood(maxAge: length) }
        let revalidation = try KeyedStaleWhileRevalidate<String, Int>(
            "s", .init(freshFor: length, staleFor: length), clock: clock)
        var number = 0
        await play(clock) {
            number += 1
            _ = try? await revalidation.execute(for: "key") { 7 }
            _ = collect(fallback, revalidation)
            _ = try await fallback.execute(for: "key") {
                if number % 2 == 0 { throw InjectedFailure() }
                return number
            }
        }
        #expect(number == 100 && fallback.totals.calls > 0 && revalidation.totals.calls > 0)
    }
}
