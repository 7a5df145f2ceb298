import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Keyed limiters", .timeLimit(.minutes(30)))
struct KeyedRateLimiterTests {
    private static let bucket = RateLimiter.Rule.tokenBucket(1, per: .seconds(1), burst: 2)

    @Test("each key has permits of its own")
    func keys() throws {
        let stage = try KeyedStage<String>(.init(rule: Self.bucket))
        #expect(stage.limiter.tryAcquire(for: "a"))
        #expect(stage.limiter.tryAcquire(for: "a"))
        #expect(!stage.limiter.tryAcquire(for: "a"))
        #expect(stage.limiter.tryAcquire(for: "b", permits: 2))
        #expect(stage.limiter.available(for: "a") == 0)
        #expect(stage.limiter.available(for: "c") == 2)
        #expect(stage.limiter.nextPermit(for: "a") == .seconds(1))
        #expect(stage.limiter.nextPermit(for: "c") == .zero)
        #expect(stage.limiter.count == 2)
        stage.clock.advance(by: .seconds(1))
        #expect(stage.limiter.available(for: "a") == 1)
        #expect(stage.limiter.tryAcquire(for: "a"))
        let totals = stage.limiter.totals
        #expect(totals.permitted == 4 && totals.rejected == 1 && totals.calls == 5)
    }

    @Test("a rejection says when to ask again, and never names the key")
    func rejection() async throws {
        let stage = try KeyedStage<String>(.init(rule: Self.bucket))
        _ = stage.limiter.tryAcquire(for: "secret", permits: 2)
        let expected = RateLimiter.RejectedError(policyName: "test", permits: 1, retryAfter: .seconds(1))
        await #expect(throws: expected) { try await stage.limiter.execute(for: "secret") {} }
        #expect(expected.description == #"rate limiter "test" is at its limit; retry after 1 second"#)
        let never = RateLimiter.ExceedsLimitError(policyName: "test", permits: 3, burst: 2)
        await #expect(throws: never) { try await stage.limiter.acquire(for: "other", permits: 3) }
        #expect(!stage.limiter.tryAcquire(for: "other", permits: 3))
        #expect(stage.limiter.count == 1)
        #expect(stage.limiter.totals.rejected == 3)
    }

    @Test("asks for no permits are always granted, and remember nothing", arguments: [0, -1, .min])
    func nothing(permits: Int) throws {
        let stage = try KeyedStage<Int>(.init(rule: Self.bucket, maxKeys: 1))
        #expect(stage.limiter.tryAcquire(for: 1, permits: permits))
        #expect(stage.limiter.count == 0)
    }

    @Test("X-21: 10 000 keys used once are forgotten when their permits are back", arguments: RateLimiter.Rule.kinds)
    func idle(rule: RateLimiter.Rule) throws {
        let stage = try KeyedStage<Int>(.init(rule: rule))
        for key in 0..<10_000 { #expect(stage.limiter.tryAcquire(for: key)) }
        #expect(stage.limiter.count == 10_000)
        #expect(stage.limiter.removeIdle() == 0)
        stage.clock.advance(by: .seconds(10))
        // One key in use goes over all others, without anybody who asks for it.
        for _ in 0..<20_000 { _ = stage.limiter.tryAcquire(for: -1) }
        #expect(stage.limiter.count == 1)
        stage.clock.advance(by: .seconds(10))
        #expect(stage.limiter.removeIdle() == 1)
        #expect(stage.limiter.count == 0)
    }

    @Test("X-21: a key in debt is kept until it is whole again, to the nanosecond")
    func debt() throws {
        let stage = try KeyedStage<String>(.init(rule: Self.bucket))
        _ = stage.limiter.tryAcquire(for: "a", permits: 2)
        stage.clock.advance(by: .seconds(2) - .nanoseconds(1))
        #expect(stage.limiter.removeIdle() == 0)
        #expect(stage.limiter.available(for: "a") == 1)
        stage.clock.advance(by: .nanoseconds(1))
        #expect(stage.limiter.removeIdle() == 1)
        #expect(stage.limiter.available(for: "a") == 2)
    }

    @Test("draining takes what is there, also of a key that is new")
    func drain() throws {
        let stage = try KeyedStage<String>(.init(rule: Self.bucket))
        #expect(stage.limiter.drain(for: "a") == 2)
        #expect(stage.limiter.drain(for: "a") == 0)
        #expect(stage.limiter.available(for: "a") == 0)
        stage.clock.advance(by: .seconds(1))
        #expect(stage.limiter.drain(for: "a") == 1)
        #expect(stage.limiter.totals.calls == 0)
    }

    // MARK: The bound

    @Test("full, it forgets the key that has used the least of its permits")
    func forgetting() throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .seconds(1), burst: 5)
        let stage = try KeyedStage<Int>(.init(rule: rule, maxKeys: 3), observed: true)
        for key in 1...3 { _ = stage.limiter.tryAcquire(for: key, permits: [5, 2, 4][key - 1]) }
        stage.recorder.clear()
        #expect(stage.limiter.tryAcquire(for: 4, permits: 5))
        #expect(stage.limiter.count == 3)
        #expect(stage.limiter.available(for: 2) == 5)
        #expect(stage.limiter.available(for: 1) == 0 && stage.limiter.available(for: 3) == 1)
        #expect(stage.limiter.totals.forgottenKeys == 1)
        #expect(stage.recorder.names == ["keyed_rate_limiter.permitted", "keyed_rate_limiter.forgotten"])
        guard case .forgotten(let key) = stage.events[1].kind else {
            Issue.record("\(stage.events)")
            return
        }
        #expect(stage.events[1].source == "test")
        #expect(key as? Int == 2)
    }

    @Test("full, it refuses new keys if asked to, and no others")
    func refusing() async throws {
        let stage = try KeyedStage<Int>(
            .init(rule: Self.bucket, maxKeys: 2, whenFull: .refusesNewKeys), observed: true)
        _ = stage.limiter.tryAcquire(for: 1)
        _ = stage.limiter.tryAcquire(for: 2)
        let error = RateLimiter.TooManyKeysError(policyName: "test", maxKeys: 2)
        await #expect(throws: error) { try await stage.limiter.execute(for: 3) {} }
        #expect(error.description == #"rate limiter "test" has no place for another key, of 2 at most"#)
        #expect(error.retryAfter == nil)
        #expect(!stage.limiter.tryAcquire(for: 3))
        #expect(stage.limiter.tryAcquire(for: 1))
        let totals = stage.limiter.totals
        #expect(totals.refusedKeys == 2 && totals.rejected == 2 && totals.permitted == 3 && totals.forgottenKeys == 0)
        #expect(stage.recorder.names.count { $0 == "keyed_rate_limiter.rejected" } == 2)
        stage.clock.advance(by: .seconds(2))
        #expect(stage.limiter.tryAcquire(for: 3))
    }

    @Test("made-up keys do not wipe out what a key at its limit has used")
    func flood() throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .seconds(1000), burst: 100)
        let stage = try KeyedStage<Int>(.init(rule: rule, maxKeys: 1000))
        for key in 0..<10 { _ = stage.limiter.tryAcquire(for: key, permits: 100) }
        for key in 10..<50_000 { #expect(stage.limiter.tryAcquire(for: key)) }
        #expect((0..<10).allSatisfy { !stage.limiter.tryAcquire(for: $0) })
        #expect(stage.limiter.count == 1000)
        #expect(stage.limiter.totals.forgottenKeys == 49_000)
    }

    @Test("a key that a call waits for is never forgotten")
    func awaitedKeyStays() async throws {
        let stage = try KeyedStage<Int>(.init(rule: Self.bucket, maxKeys: 1))
        _ = stage.limiter.tryAcquire(for: 1, permits: 2)
        let waiter = stage.startWaiting(for: 1)
        #expect(!stage.limiter.tryAcquire(for: 2))
        #expect(stage.limiter.totals.refusedKeys == 1)
        stage.advance(by: .seconds(1))
        try await waiter.value
        #expect(stage.limiter.tryAcquire(for: 2))
    }

    // MARK: Changes

    @Test("an update keeps what every key has used", arguments: RateLimiter.Rule.kinds)
    func update(rule: RateLimiter.Rule) throws {
        let stage = try KeyedStage<Int>(.init(rule: rule, maxKeys: 500), observed: true)
        let single = try RateLimiter("one", .init(rule: rule), clock: stage.clock)
        for key in 0..<100 { _ = stage.limiter.tryAcquire(for: key) }
        _ = single.tryAcquire()
        stage.recorder.clear()
        let new = RateLimiter.Rule.tokenBucket(1, per: .seconds(7), burst: 3)
        try stage.limiter.update(.init(rule: new, maxKeys: 500))
        try single.update(.init(rule: new))
        #expect((0..<100).allSatisfy { stage.limiter.available(for: $0) == single.available })
        #expect((0..<100).allSatisfy { stage.limiter.nextPermit(for: $0) == single.nextPermit })
        #expect(stage.limiter.configuration.rule == new)
        #expect(stage.recorder.names == ["keyed_rate_limiter.updated"])
    }

    @Test("an update to fewer keys forgets those that have used the least")
    func fewerKeys() throws {
        let rule = RateLimiter.Rule.tokenBucket(1, per: .seconds(1), burst: 50)
        let stage = try KeyedStage<Int>(.init(rule: rule, maxKeys: 60))
        for key in 1...30 { _ = stage.limiter.tryAcquire(for: key, permits: key) }
        try stage.limiter.update(.init(rule: rule, maxKeys: 10))
        #expect(stage.limiter.count == 10)
        #expect((21...30).allSatisfy { stage.limiter.available(for: $0) == 50 - $0 })
        #expect(stage.limiter.totals.forgottenKeys == 20)
    }

    @Test("a faulty update changes nothing, and every fault is told")
    func faults() throws {
        let stage = try KeyedStage<Int>(.init(rule: Self.bucket))
        let bad = KeyedConfiguration(
            rule: .fixedWindow(0, per: .zero), maxWait: .seconds(-1), maxKeys: 0)
        let error = #expect(throws: ConfigurationError.self) { try stage.limiter.update(bad) }
        #expect(
            error?.faults.map(\.field) == [
                "keyedRateLimiter.rule.permits", "keyedRateLimiter.rule.period", "keyedRateLimiter.maxWait",
                "keyedRateLimiter.maxKeys",
            ])
        #expect(stage.limiter.configuration.maxKeys == 100_000)
        #expect(throws: ConfigurationError.self) { try KeyedRateLimiter<Int>("bad", bad) }
        let policy = #expect(throws: ConfigurationError.self) {
            try Policy("api") { KeyedRateLimiter<Int>.layer(bad) { _ in 1 } }
        }
        #expect(policy?.faults.count == 4)
        #expect(policy?.faults.first?.field == "api.keyedRateLimiter.rule.permits")
    }

    // MARK: In policies

    @Test("a policy's layer finds the key in the context, and the number of permits")
    func layer() async throws {
        let clock = ManualClock()
        let policy = try Policy("api", clock: clock) {
            KeyedRateLimiter<String>.layer(.init(rule: Self.bucket)) { context in context[Tenant.self] ?? "nobody" }
        }
        let limiter = try #require(policy.keyedRateLimiters(by: String.self).first)
        #expect(policy.description == "KeyedRateLimiter(api)")
        #expect(try await policy.setting(Tenant.self, to: "a").execute { 1 } == 1)
        try await policy.execute {}
        let bulk = policy.setting(Tenant.self, to: "b").setting(RateLimiter.Permits.self, to: 2)
        try await bulk.execute {}
        #expect(["a", "b", "nobody"].map { limiter.available(for: $0) } == [1, 0, 1])
        let rejection = await bulk.run {}.rejection
        #expect(rejection?.retryAfter == .seconds(2))
    }

    @Test("one key's limiter is a strategy; the fluent form says the same")
    func strategies() async throws {
        let stage = try KeyedStage<String>(.init(rule: Self.bucket))
        let single = stage.limiter["a"]
        #expect(await single.run { 5 }.attempts == 1)
        let fluent = try Policy.pipeline("api", clock: stage.clock)
            .keyedRateLimiter(stage.limiter) { _ in "a" }
            .keyedRateLimiter(.init(rule: Self.bucket)) { _ in 1 }
            .keyedRateLimiter("tenants", .init(rule: Self.bucket)) { _ in true }
            .build()
        #expect(
            fluent.description == "KeyedRateLimiter(test) → KeyedRateLimiter(api) → KeyedRateLimiter(tenants)")
        try await fluent.execute {}
        await #expect(throws: RateLimiter.RejectedError.self) { try await fluent.execute {} }
        #expect(stage.limiter.totals.permitted == 2)
        #expect(fluent.keyedRateLimiters(by: Int.self).first?.totals.permitted == 1)
        #expect(single.rootContext.policyName == "test")
    }

    @Test("a rule alone is enough for a layer and for the builder, with a name and without")
    func ruleForms() async throws {
        let (clock, wait) = (ManualClock(), Duration.milliseconds(1))
        let policies = [
            try Policy("api", clock: clock) {
                KeyedRateLimiter.layer(Self.bucket, maxWait: wait, maxKeys: 1) { _ in 1 }
                KeyedRateLimiter.layer("own", Self.bucket, maxWait: wait, maxKeys: 1) { _ in 1 }
            },
            try Policy.pipeline("api", clock: clock)
                .keyedRateLimiter(Self.bucket, maxWait: wait, maxKeys: 1) { _ in 1 }
                .keyedRateLimiter("own", Self.bucket, maxWait: wait, maxKeys: 1) { _ in 1 }
                .build(),
        ]
        for policy in policies {
            let limiters = policy.keyedRateLimiters(by: Int.self)
            #expect(limiters.map(\.name) == ["api", "own"])
            #expect(
                limiters.allSatisfy { $0.configuration == .init(rule: Self.bucket, maxWait: wait, maxKeys: 1) })
        }
    }

    @Test("the operation's error passes through, and its permit stays used")
    func operationError() async throws {
        struct Failure: Error {}
        let stage = try KeyedStage<String>(.init(rule: Self.bucket))
        await #expect(throws: Failure.self) { try await stage.limiter.execute(for: "a") { throw Failure() } }
        #expect(stage.limiter.available(for: "a") == 1)
    }

    @Test("an ask that others have overtaken since it read the clock is judged by the latest reading")
    func overtaken() throws {
        let stage = try KeyedStage<String>(.init(rule: .slidingLog(1, per: .seconds(5))))
        func ask(at seconds: Int64) throws -> KeyedReply {
            let now = TimeSource.Instant(nanoseconds: seconds * 1_000_000_000)
            return try #require(stage.limiter.ask("a", 1, now: now, maxWait: nil, deadline: .max))
        }
        guard case .granted = try ask(at: 10).decision else { Issue.record("there is a permit"); return }
        guard case .refused(let retryAfter) = try ask(at: 8).decision else { Issue.record("there is none"); return }
        #expect(retryAfter == 5_000_000_000)
    }

    @Test("totals are added up, and survive being written down")
    func totals() throws {
        var first = RateLimiter.KeyedTotals()
        first.permitted = 3
        first.waited = 2
        first.waitingTime = .seconds(5)
        first.refusedKeys = 1
        first.rejected = .max
        let sum = first + first
        #expect(sum.permitted == 6 && sum.waited == 4 && sum.waitingTime == .seconds(10) && sum.refusedKeys == 2)
        #expect(sum.rejected == .max && sum.calls == .max)
    }
}
