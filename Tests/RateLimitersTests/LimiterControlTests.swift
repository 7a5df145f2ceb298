import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

@Suite("Limiter: configuration, changes and events", .timeLimit(.minutes(30)))
struct LimiterControlTests {
    private let second = Duration.seconds(1)

    // MARK: Configuration

    @Test("every fault is reported, with field, value and range")
    func faults() {
        func faults(_ configuration: RateLimiter.Configuration) -> [String] {
            do {
                _ = try RateLimiter("test", configuration)
                return []
            } catch {
                return error.faults.map(\.description)
            }
        }
        #expect(
            faults(.init(rule: .tokenBucket(0, per: .zero, burst: -1), maxWait: .seconds(-1))) == [
                "rateLimiter.rule.permits: 0 is outside 1...1000000000000000",
                "rateLimiter.rule.period: 0.0 seconds is outside 1 ns...292 years",
                "rateLimiter.rule.burst: -1 is outside 1...1000000000000000",
                "rateLimiter.maxWait: -1.0 seconds is outside 0 s...292 years",
            ])
        #expect(
            faults(.init(rule: .pacing(Int.max, per: second)))
                == [
                    "rateLimiter.rule.permits: 9223372036854775807 is outside 1...1000000000000000",
                    "rateLimiter.rule.permits: 9223372036854775807 per 1s is more than one a nanosecond",
                ])
        #expect(
            faults(.init(rule: .slidingLog(1_000_001, per: second)))
                == ["rateLimiter.rule.permits: 1000001 is outside 1...1000000"])
        for rule in RateLimiter.Rule.kinds { #expect(faults(.init(rule: rule)) == []) }
        #expect(
            faults(.init(rule: .fixedWindow(1, per: .seconds(Int64.max)), maxWait: .seconds(Int64.max))).count == 2)
        #expect(faults(.init(rule: .tokenBucket(1_000_000_000, per: second, burst: 1_000_000_000_000_000))) == [])
        #expect(faults(.init(rule: .tokenBucket(1_000_000_001, per: second))).count == 1)
    }

    @Test("a policy reports the faults of its limiters with those of the other layers")
    func faultsOfPolicy() {
        let error = #expect(throws: ConfigurationError.self) {
            try Policy("p") {
                RateLimiter.layer(.pacing(0, per: .seconds(1)))
                RateLimiter.layer("other", .fixedWindow(1, per: .zero))
                AdaptiveThrottle.layer(.init(multiplier: 0))
            }
        }
        #expect(error?.faults.count == 3)
    }

    @Test("what is built into a policy has its name, or its own; what exists is shared")
    func policies() async throws {
        let clock = ManualClock()
        let shared = try RateLimiter("shared", .tokenBucket(5, per: second), clock: clock)
        let policy = try Policy("p", clock: clock) {
            RateLimiter.layer(.tokenBucket(1, per: .seconds(1)))
            RateLimiter.layer("own", .init(rule: .fixedWindow(2, per: .seconds(1))))
            shared
        }
        let fluent = try Policy.pipeline("f").rateLimiter(.pacing(1, per: second)).rateLimiter(
            "own", .tokenBucket(1, per: second)
        )
        .rateLimiter(shared).build()
        #expect(policy.rateLimiters.map(\.name) == ["p", "own", "shared"])
        #expect(fluent.rateLimiters.map(\.name) == ["f", "own", "shared"])
        let settings = RateLimiter.Configuration(rule: .pacing(3, per: second), maxWait: second)
        let configured = try Policy.pipeline("f").rateLimiter(settings).rateLimiter("own", settings).build()
        #expect(configured.rateLimiters.map(\.name) == ["f", "own"])
        #expect(configured.rateLimiters.allSatisfy { $0.configuration == settings })
        try await policy.execute {}
        await #expect(throws: RejectedError(policyName: "p", permits: 1, retryAfter: second)) {
            try await policy.execute {}
        }
        #expect(policy.rateLimiters.map(\.available) == [0, 1, 4])
    }

    @Test("bad input never traps: it is refused, or counts as none")
    func badInput() throws {
        let numbers = [Int.min, -1, 0, 1, 2, 7, 1 << 40, Int.max]
        let durations: [Duration] = [
            .seconds(Int64.min), .seconds(-1), .zero, .nanoseconds(1), .seconds(3), .seconds(Int64.max),
        ]
        for rule in RateLimiter.Rule.kinds + [
            .tokenBucket(1, per: .nanoseconds(Int64.max), burst: 1_000_000_000_000_000),
            .slidingWindow(1_000_000_000_000_000, per: .nanoseconds(Int64.max)),
        ] {
            let stage = try Stage(rule, maxWait: .nanoseconds(Int64.max))
            for (id, permits) in numbers.enumerated() {
                for wait in durations {
                    _ = stage.limiter.tryAcquire(permits)
                    if let held = try? stage.limiter.held(permits, maxWait: wait) { held.use() }
                    stage.start(id, permits: permits, deadline: wait)
                    _ = (stage.limiter.available, stage.limiter.nextPermit, stage.limiter.promised)
                    stage.limiter.drain()
                }
            }
            stage.advance(by: .seconds(Int64.max))
            stage.advance(by: .seconds(1))
            _ = (stage.limiter.available, stage.limiter.nextPermit, stage.limiter.tryAcquire())
            for wait in durations { stage.acquire(99, maxWait: wait) }
            try stage.limiter.update(.init(rule: .pacing(7, per: .seconds(1))))
            stage.drain()
        }
    }

    @Test("what is refused for good is told apart from what is refused for now")
    func exceeds() async throws {
        let stage = try Stage(.tokenBucket(10, per: second, burst: 5), maxWait: .seconds(60))
        let never = ExceedsLimitError(policyName: "test", permits: 6, burst: 5)
        await #expect(throws: never) { try await stage.limiter.acquire(6) }
        await #expect(throws: never) {
            try await stage.limiter.setting(RateLimiter.Permits.self, to: 6).execute {}
        }
        #expect(never.retryAfter == nil && stage.limiter.available == 5)
        #expect("\(never)" == "rate limiter \"test\" never gives 6 permits, at most 5 at once")
        #expect(stage.limiter.tryAcquire(5))
        let later = RejectedError(policyName: "test", permits: 5, retryAfter: .milliseconds(500))
        await #expect(throws: later) { try await stage.limiter.acquire(5, maxWait: .zero) }
        #expect("\(later)" == "rate limiter \"test\" is at its limit; retry after 500 milliseconds")
        // Pacing has any number, for who waits long enough.
        let paced = try Stage(.pacing(1, per: second), maxWait: .seconds(2))
        #expect(paced.limiter.refusal(2) == "exceeds")
        paced.start(1, permits: 4)
        paced.start(2, permits: 3)
        #expect(paced.outcome(1) == "exceeds" && paced.outcome(2) == nil)
        paced.start(3, permits: 3)
        #expect(paced.outcome(3) == "refused 3000000000")
        paced.advance(by: .seconds(3))
        paced.start(4, permits: 3)
        #expect(paced.outcome(4) == nil && paced.order == [2])
    }

    @Test("a call takes as many permits as its context says")
    func weights() async throws {
        let limiter = try RateLimiter("test", .tokenBucket(10, per: second), clock: ManualClock())
        try await limiter.setting(RateLimiter.Permits.self, to: 7).execute {}
        #expect(limiter.available == 3)
        try await limiter.setting(RateLimiter.Permits.self, to: -3).execute {}
        try await limiter.execute {}
        #expect(limiter.available == 2)
    }

    // MARK: Changes

    @Test("a bucket keeps what it lacks, which comes at the new rate")
    func updateBucket() throws {
        let stage = try Stage(.tokenBucket(10, per: second))
        #expect(stage.limiter.tryAcquire(8))
        try stage.update(.tokenBucket(20, per: second))
        #expect(stage.limiter.available == 12)
        stage.advance(by: .milliseconds(50))
        #expect(stage.limiter.available == 13)
        try stage.update(.tokenBucket(20, per: second, burst: 3))
        #expect(stage.limiter.available == 0)
        try stage.update(.tokenBucket(20, per: second, burst: 10))
        #expect(stage.limiter.available == 7)
    }

    @Test("a window goes on from its start, and no two windows overlap after a change of the length")
    func updateWindow() throws {
        let stage = try Stage(.fixedWindow(5, per: .seconds(10)))
        stage.advance(to: .seconds(12))
        #expect(stage.limiter.tryAcquire(4))
        try stage.update(.fixedWindow(3, per: .seconds(7)))
        #expect(stage.limiter.available == 0 && stage.limiter.nextPermit == .seconds(5))
        // From 10 to 17 s, then to 24, 31 s and so on: not to 21 s, where the seven seconds from the start have their
        // end.
        stage.advance(to: .seconds(17))
        #expect(stage.limiter.tryAcquire(3))
        stage.advance(to: .seconds(21))
        #expect(stage.limiter.available == 0 && stage.limiter.nextPermit == .seconds(3))
        stage.advance(to: .seconds(24))
        #expect(stage.limiter.tryAcquire(3))
        // After a pause, on the old grid again.
        stage.advance(to: .seconds(37))
        #expect(stage.limiter.tryAcquire(3) && stage.limiter.nextPermit == .seconds(5))
    }

    @Test("after a change of the length, no window of the shorter length sees more than twice the limit")
    func updateWindowAtRandom() throws {
        try forSeeds(0..<300) { seed, random in
            let stage = try Stage(.fixedWindow(4, per: .seconds(10)))
            for _ in 0..<8 {
                stage.advance(by: .seconds(Int.random(in: 0...6, using: &random)))
                _ = stage.limiter.tryAcquire(Int.random(in: 1...4, using: &random))
            }
            let length = Int.random(in: 1...20, using: &random)
            try stage.update(.fixedWindow(4, per: .seconds(length)))
            var taken: [Int] = []
            for at in 0..<60 {
                while stage.limiter.tryAcquire() { taken.append(at) }
                stage.advance(by: second)
            }
            for start in 0..<60 {
                let count = taken.count { $0 >= start && $0 < start + length }
                #expect(count <= 8, "seed \(seed), \(length) s")
            }
            #expect(taken.count >= 4 * (60 / length - 2), "seed \(seed), \(length) s")
        }
    }

    @Test("to a rule of another kind, what is in use counts as taken now", arguments: RateLimiter.Rule.kinds)
    func updateKind(rule: Rule) throws {
        for other in RateLimiter.Rule.kinds {
            let stage = try Stage(rule)
            #expect(stage.limiter.tryAcquire())
            try stage.update(other)
            // Pacing has one at a time.
            let expected = rule.burst == 1 && other.burst == 1 ? 0 : other.burst - 1
            #expect(stage.limiter.available == max(0, expected), "\(rule) to \(other)")
            #expect(stage.limiter.configuration.rule == other)
            stage.advance(by: .seconds(10))
            #expect(stage.limiter.available == other.burst)
        }
    }

    @Test("the longest wait can be changed alone; a configuration with faults changes nothing")
    func updateWait() throws {
        let stage = try Stage(.tokenBucket(1, per: second))
        #expect(stage.limiter.tryAcquire() && !stage.limiter.tryAcquire())
        try stage.update(.tokenBucket(1, per: second), maxWait: second)
        stage.start(1)
        #expect(stage.outcome(1) == nil)
        #expect(throws: ConfigurationError.self) { try stage.update(.tokenBucket(0, per: second)) }
        #expect(stage.limiter.configuration == .init(rule: .tokenBucket(1, per: second), maxWait: second))
        try stage.update(.tokenBucket(1, per: second))
        // Who waits already keeps its time.
        stage.advance(by: second)
        stage.start(2)
        #expect(stage.order == [1] && stage.outcome(2) == "refused 1000000000")
    }

    @Test("waiting calls are promised new times, or refused")
    func updateWaiting() throws {
        let stage = try Stage(.tokenBucket(1, per: second, burst: 2), maxWait: .seconds(4), observed: true)
        #expect(stage.limiter.tryAcquire(2))
        stage.start(1)
        stage.start(2, permits: 2)
        stage.start(3)
        stage.acquire(4, maxWait: .seconds(60))
        try stage.update(.tokenBucket(1, per: .seconds(2), burst: 1), maxWait: .seconds(4))
        // One permit in use: 1 after 2 s, 3 after 4 s, 4 after 6 s; 2 asks for more than there ever will be.
        #expect(stage.outcome(2) == "exceeds" && stage.outcome(1) == nil && stage.limiter.waiting == 3)
        try stage.update(.tokenBucket(1, per: .seconds(3), burst: 1), maxWait: .seconds(4))
        #expect(stage.outcome(3) == "refused 6000000000" && stage.outcome(4) == nil)
        stage.advance(by: .seconds(6))
        #expect(stage.order == [1, 4])
        #expect(
            stage.names == ["permitted", "updated", "rejected", "updated", "rejected", "permitted", "permitted"])
    }

    @Test("draining takes what is there, and nothing from waiting calls", arguments: RateLimiter.Rule.kinds)
    func drain(rule: Rule) throws {
        let stage = try Stage(rule, maxWait: .seconds(9), observed: true)
        #expect(stage.limiter.drain() == rule.burst)
        #expect(stage.limiter.drain() == 0 && stage.limiter.available == 0)
        stage.start(1)
        #expect(stage.limiter.drain() == 0)
        stage.advance(by: .seconds(6))
        #expect(stage.outcome(1) == "granted")
        #expect(
            stage.events.first?.description == "rate limiter \"test\" was drained of "
                + (rule.burst == 1 ? "1 permit" : "5 permits"))
        #expect(stage.limiter.totals.permitted == 1)
    }

    // MARK: Events and totals

    @Test("every event, with its text")
    func events() throws {
        let stage = try Stage(.tokenBucket(1, per: second), maxWait: second, observed: true)
        stage.start(1)
        let waiting = stage.start(2)
        stage.start(3)
        stage.cancel(waiting)
        stage.start(4)
        stage.start(5, permits: 2)
        stage.advance(by: second)
        stage.limiter.drain()
        try stage.update(.pacing(2, per: second))
        #expect(
            stage.events.map(\.description) == [
                "rate limiter \"test\" gave 1 permit", "rate limiter \"test\" is at its limit; retry after 2 seconds",
                "rate limiter \"test\" got 1 permit back",
                "rate limiter \"test\" never gives 2 permits, at most 1 at once",
                "rate limiter \"test\" gave 1 permit after 1 second", "rate limiter \"test\" was drained of 0 permits",
                "rate limiter \"test\" changed to a pacing of 2 per 1s",
            ])
        #expect(
            stage.names == ["permitted", "rejected", "cancelled", "rejected", "permitted", "drained", "updated"])
        #expect(Set(stage.events.map(\.source)) == ["test"])
        #expect(stage.events.count { $0.severity == EventSeverity.info } == 2)
    }

    @Test("a wait that ended before is told before what comes after it")
    func orderOfEvents() throws {
        let stage = try Stage(.tokenBucket(1, per: second, burst: 2), observed: true)
        #expect(stage.limiter.tryAcquire(2))
        let limiter = stage.limiter
        // Runs before the limiter's own timer for the same moment.
        _ = TimeSource(stage.clock).schedule(at: .init(nanoseconds: 1_000_000_000)) { _ = limiter.tryAcquire() }
        stage.acquire(1, maxWait: second)
        stage.advance(by: second)
        #expect(stage.outcome(1) == "granted" && stage.names == ["permitted", "permitted", "rejected"])
    }

    @Test("an observer added later hears what follows, also while permits are taken without the lock")
    func lateObserver() throws {
        let stage = try Stage(.tokenBucket(5, per: second))
        #expect(stage.limiter.tryAcquire())
        stage.limiter.addObserver(stage.recorder)
        #expect(stage.limiter.tryAcquire(2) && !stage.limiter.tryAcquire(3))
        #expect(stage.names == ["permitted", "rejected"] && stage.limiter.available == 2)
    }

    @Test("an observer may use the limiter it hears from")
    func reentrancy() throws {
        let stage = try Stage(.tokenBucket(3, per: second))
        let limiter = stage.limiter
        let seen = Lock<[Int]>([])
        limiter.addObserver(
            Probe { [weak limiter] _ in
                guard let limiter, limiter.totals.permitted < 3 else { return }
                _ = limiter.tryAcquire()
                seen.withLock { $0.append(limiter.available) }
            })
        #expect(limiter.tryAcquire())
        #expect(limiter.totals.permitted == 3 && seen.withLock { $0 } == [1, 0])
    }

    @Test("totals add up")
    func totals() throws {
        let stage = try Stage(.tokenBucket(1, per: second), maxWait: second)
        stage.start(1)
        stage.cancel(stage.start(2))
        stage.start(3)
        stage.start(4)
        stage.advance(by: second)
        let totals = stage.limiter.totals
        #expect(totals.permitted == 2 && totals.cancelled == 1 && totals.rejected == 1 && totals.calls == 4)
        let sum = totals + totals
        #expect(sum.calls == 8 && sum.waited == 2 && sum.waitingTime == .seconds(2))
    }
}

/// Hears names.
private final class Probe: PolicyObserver {
    private let hear: @Sendable (String) -> Void

    init(_ hear: @escaping @Sendable (String) -> Void) {
        self.hear = hear
    }

    func observe(_ event: some PolicyEvent) { hear(event.name) }
}
