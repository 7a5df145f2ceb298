import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

@Suite("Limiter: contention", .timeLimit(.minutes(30)))
struct LimiterContentionTests {
    @Test(
        "on a clock that stands still exactly the burst is given, however many ask", arguments: RateLimiter.Rule.kinds,
        [false, true])
    func exact(rule: Rule, observed: Bool) async throws {
        let recorder = EventRecorder()
        let limiter = try RateLimiter("test", rule, clock: ManualClock(), observers: observed ? [recorder] : [])
        let (tasks, asks) = (4, askCount)
        let permitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var permitted = 0
                    for _ in 0..<asks where limiter.tryAcquire() { permitted += 1 }
                    return permitted
                }
            }
            return await group.reduce(0, +)
        }
        #expect(permitted == rule.burst)
        #expect(limiter.totals.permitted == permitted && limiter.totals.calls == tasks * asks)
        guard observed else { return }
        // A turn of delivering is bounded in real time: on a busy machine some are dropped, and counted.
        let heard = recorder.events.count { !($0 is EventsDropped) }
        #expect(heard + limiter.events.dropped == tasks * asks)
    }

    /// Everything that takes the word out, and puts it back with other parameters: a permit that is taken by an ask
    /// which does not notice would be one too many.
    @Test("the word, taken without the lock, is exact while others read, update, give back and take under the lock")
    func word() async throws {
        let burst = 10_000
        let limiter = try RateLimiter(
            "test", .tokenBucket(1, per: .seconds(1000), burst: burst), clock: ManualClock())
        let isDone = Flag<Void>()
        let permitted = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var permitted = 0
                    while !isDone.isSet {
                        for _ in 0..<50 where limiter.tryAcquire() { permitted += 1 }
                        await Task.yield()
                    }
                    return permitted
                }
            }
            group.addTask {
                // The rates are multiples, so that what is in use is carried without rounding.
                while limiter.available > 0 {
                    for period in [2000, 1000] {
                        try limiter.update(
                            .init(rule: .tokenBucket(1, per: .seconds(period), burst: burst)))
                        _ = try? limiter.held().cancel()
                    }
                    _ = limiter.promised
                    await Task.yield()
                }
                isDone.set()
                return 0
            }
            return try await group.reduce(0, +)
        }
        // A permit that was given back at the very end may be left.
        var rest = 0
        while limiter.tryAcquire() { rest += 1 }
        #expect(permitted + rest == burst)
        #expect(limiter.totals.permitted == burst)
    }

    @Test("while time goes on, no stretch of it sees more than the rule allows", arguments: RateLimiter.Rule.kinds)
    func bounded(rule: Rule) async throws {
        let clock = ManualClock()
        let limiter = try RateLimiter("test", rule, clock: clock)
        let isDone = Flag<Void>()
        let (steps, tasks) = (200, 3)
        let permitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var permitted = 0
                    while !isDone.isSet {
                        for _ in 0..<20 where limiter.tryAcquire() { permitted += 1 }
                        await Task.yield()
                    }
                    return permitted
                }
            }
            group.addTask {
                for _ in 0..<steps {
                    clock.advance(by: .milliseconds(100))
                    await Task.yield()
                }
                isDone.set()
                return 0
            }
            return await group.reduce(0, +)
        }
        let periods = Double(steps) * 0.1 / (rule.period / .seconds(1))
        #expect(Double(permitted) <= Double(rule.burst) + periods * Double(rule.permits) + Double(rule.burst))
        #expect(limiter.totals.permitted == permitted && permitted > rule.burst)
    }

    @Test(
        "tasks that wait and give up at random: totals are exact, none is forgotten, nothing is left",
        arguments: [false, true])
    func waiting(observed: Bool) async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let rule = Rule.tokenBucket(1, per: .milliseconds(1), burst: 3)
        let limiter = try RateLimiter(
            "test", rule, maxWait: .milliseconds(20), clock: clock, observers: observed ? [recorder] : [])
        let (tasks, asks) = (4, askCount / 10)
        let isDone = Flag<Void>()
        let seen = await withTaskGroup(of: [Int].self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var random = SplitMix64(seed: UInt64(task))
                    var seen = [0, 0, 0]
                    for ask in 0..<asks {
                        let permits = Int.random(in: 1...2, using: &random)
                        let call = Task { try await limiter.acquire(permits) }
                        if ask.isMultiple(of: 3) {
                            if Bool.random(using: &random) { await Task.yield() }
                            call.cancel()
                        }
                        switch await call.result {
                        case .success: seen[0] += 1
                        case .failure(is CancellationError): seen[2] += 1
                        case .failure: seen[1] += 1
                        }
                    }
                    return seen
                }
            }
            let ticking = Task {
                while !isDone.isSet {
                    clock.advance(by: .milliseconds(1))
                    await Task.yield()
                }
            }
            let seen = await group.reduce([0, 0, 0]) { zip($0, $1).map(+) }
            isDone.set()
            await ticking.value
            return seen
        }
        let totals = limiter.totals
        #expect([totals.permitted, totals.rejected, totals.cancelled] == seen && totals.calls == tasks * asks)
        #expect(limiter.waiting == 0 && limiter.promised == 0 && clock.timerCount == 0)
        clock.advance(by: .seconds(1))
        #expect(limiter.available == 3)
        guard observed else { return }
        let cancelled = recorder.names.count { $0 == "rate_limiter.cancelled" }
        let rejected = recorder.names.count { $0 == "rate_limiter.rejected" }
        #expect(rejected == totals.rejected && cancelled == totals.cancelled)
    }
}

#if THREAD_SANITIZER
    private let askCount = 1_000
#else
    private let askCount = 10_000
#endif
