import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

/// A keyed limiter against a dictionary with a limiter for each key.
@Suite("Keyed limiters and one limiter for each key", .timeLimit(.minutes(30)))
struct KeyedModelTests {
    @Test("decide alike, whatever is forgotten meanwhile", arguments: RateLimiter.Rule.kinds)
    func alike(rule: RateLimiter.Rule) throws {
        try forSeeds(seeds(300)) { seed, _ in
            guard try play(seed, rule) else { throw Difference("\(rule)") }
        }
    }

    private func play(_ seed: UInt64, _ rule: RateLimiter.Rule) throws -> Bool {
        var random = SplitMix64(seed: seed)
        let clock = ManualClock()
        let limiter = try KeyedRateLimiter<Int>("keyed", rule, clock: clock)
        let keys = 6
        let singles = try (0..<keys).map { try RateLimiter("single \($0)", rule, clock: clock) }
        var permitted = 0
        var rejected = 0
        for _ in 0..<120 {
            let key = Int.random(in: 0..<keys, using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9:
                let permits = Int.random(in: 1...4, using: &random)
                let isPermitted = limiter.tryAcquire(for: key, permits: permits)
                guard isPermitted == singles[key].tryAcquire(permits) else { return false }
                if isPermitted { permitted += 1 } else { rejected += 1 }
            case 9..<15: clock.advance(by: .milliseconds(Int.random(in: 0...2000, using: &random)))
            case 15: clock.advance(by: .nanoseconds(Int.random(in: 0...3, using: &random)))
            case 16: limiter.removeIdle()
            case 17: guard limiter.drain(for: key) == singles[key].drain() else { return false }
            case 18 where Int.random(in: 0..<6, using: &random) == 0:
                let new = RateLimiter.Rule.kinds.randomElement(using: &random) ?? rule
                try limiter.update(.init(rule: new))
                for single in singles { try single.update(.init(rule: new)) }
            default: break
            }
            for key in [key, Int.random(in: 0..<keys, using: &random)] {
                guard limiter.available(for: key) == singles[key].available,
                    limiter.nextPermit(for: key) == singles[key].nextPermit
                else { return false }
            }
        }
        return limiter.totals.permitted == permitted && limiter.totals.rejected == rejected
    }

    @Test("the hint of a rejection is sufficient", arguments: RateLimiter.Rule.kinds)
    func hints(rule: RateLimiter.Rule) async throws {
        var random = SplitMix64(seed: 7)
        let stage = try KeyedStage<Int>(.init(rule: rule))
        var rejections = 0
        for _ in 0..<2_000 {
            stage.clock.advance(by: .nanoseconds(Int.random(in: 0...400_000_000, using: &random)))
            let key = Int.random(in: 0..<3, using: &random)
            let permits = Int.random(in: 1...min(5, rule.burst), using: &random)
            do {
                try await stage.limiter.acquire(for: key, permits: permits)
            } catch let rejection as RateLimiter.RejectedError {
                rejections += 1
                stage.clock.advance(by: try #require(rejection.retryAfter))
                #expect(stage.limiter.tryAcquire(for: key, permits: permits))
            }
        }
        #expect(rejections > 100)
    }

    @Test("tasks that wait, give up and are refused at random: those permitted never exceed the rule")
    func waiting() async throws {
        try await forSeeds(0..<60) { seed, random in
            let stage = try KeyedStage<Int>(.init(rule: .tokenBucket(1, per: .seconds(1), burst: 2)))
            var tasks: [Task<Void, any Error>] = []
            for _ in 0..<60 {
                let key = Int.random(in: 0..<3, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: stage.clock.advance(by: .milliseconds(Int.random(in: 0...1500, using: &random)))
                case 1: tasks.randomElement(using: &random)?.cancel()
                default:
                    let task = Task(executorPreference: stage.executor) { [limiter = stage.limiter] in
                        try await limiter.acquire(for: key, maxWait: .seconds(5))
                    }
                    tasks.append(task)
                }
                // Not all that is ready: a call may also be cancelled before it asks, or once it has got its permit.
                for _ in 0..<Int.random(in: 0...2, using: &random) { stage.executor.step() }
            }
            stage.executor.drain()
            let started = tasks.count
            let waiting = stage.limiter.waiting
            #expect(stage.limiter.totals.calls + waiting == started, "seed \(seed)")
            while let deadline = stage.clock.advanceToNextDeadline() {
                #expect(deadline <= stage.clock.now)
                stage.executor.drain()
            }
            var permitted = 0
            for task in tasks { if case .success = await task.result { permitted += 1 } }
            let totals = stage.limiter.totals
            let seconds = Double((ManualClock.Instant().duration(to: stage.clock.now)) / .seconds(1))
            #expect(totals.permitted == permitted && totals.calls == started, "seed \(seed), \(waiting) waiting")
            #expect(Double(permitted) <= 3 * (2 + seconds), "seed \(seed)")
            #expect(stage.limiter.waiting == 0 && stage.clock.timerCount == 0, "seed \(seed)")
            stage.clock.advance(by: .seconds(2))
            #expect((0..<3).allSatisfy { stage.limiter.available(for: $0) == 2 }, "seed \(seed)")
        }
    }
}
