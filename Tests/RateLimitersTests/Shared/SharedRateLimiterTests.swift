import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Shared limiter: leased permits")
struct SharedRateLimiterTests {
    static let rule = SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 1000)

    @Test("at rest nothing is asked for; the first call waits a round trip, and the next ones find permits")
    func firstCall() throws {
        let stage = try SharedStage(Self.rule, latency: 500...500)
        stage.advance(by: .seconds(60))
        #expect(stage.store.requests.withLock { $0.count } == 0)
        stage.start(1)
        #expect(stage.outcome(1) == nil)
        #expect(stage.limiters[0].waiting == 1)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1) == "granted")
        #expect(stage.limiters[0].totals.exchanges == 1)
        stage.advance(by: .seconds(60))
        #expect(stage.limiters[0].totals.exchanges == 1)
        stage.end()
    }

    @Test("a call that may not wait is rejected where the node holds nothing, and makes it ask")
    func withoutWaiting() throws {
        let stage = try SharedStage(.init(rule: Self.rule, maxWait: .zero), latency: 500...500)
        stage.start(1)
        #expect(stage.outcome(1) == "refused 100000")
        stage.advance(by: .milliseconds(1))
        stage.start(2)
        #expect(stage.outcome(2) == "granted")
        stage.end()
    }

    @Test("under load permits are there before they are asked for, at a few dozen round trips a second")
    func underLoad() throws {
        let stage = try SharedStage(Self.rule, latency: 500...500)
        var waited = 0
        for step in 0..<20_000 {
            if !stage.attempt() {
                waited += 1
                stage.start(step)
            }
            stage.advance(by: .microseconds(110))
        }
        let totals = stage.limiters[0].totals
        #expect(totals.permitted == 20_000)
        #expect(waited < 200, "\(waited) waited")
        #expect(totals.exchanges < 150, "\(totals.exchanges) round trips in 2.2 s")
        stage.end()
    }

    @Test(
        "nodes use at least 97 % of the quota, and never more, at a few hundred round trips a second",
        arguments: [
            (2, 300...700, 250), (2, 5000...9000, 250), (1, 500...500, 130), (8, 500...500, 600),
            (16, 500...1500, 1000),
        ]
    )
    func usage(nodes: Int, latency: ClosedRange<Int>, exchanges most: Int) throws {
        let stage = try SharedStage(.init(rule: Self.rule, maxWait: .zero), nodes: nodes, latency: latency)
        // Twice what there is.
        for step in 0..<40_000 {
            stage.attempt(step % nodes)
            stage.advance(by: .microseconds(50))
        }
        let used = stage.uses.withLock { $0.count }
        #expect(used >= 19_400, "\(used) of 20 000")
        #expect(firstBreach(of: Self.rule, stage.uses.withLock { $0 }) == nil)
        let exchanges = stage.limiters.reduce(0) { $0 + $1.totals.exchanges } / 2
        #expect(exchanges <= most, "\(exchanges) round trips a second")
        let each = stage.limiters.map(\.totals.permitted)
        #expect((each.min() ?? 0) * 4 > (each.max() ?? 0), "\(each)")
        stage.end()
    }

    @Test("unused permits end with their lease, and are given back at the end")
    func leaseEnds() throws {
        let stage = try SharedStage(.init(rule: Self.rule, leaseLength: .milliseconds(50)))
        for id in 0..<20 { stage.start(id) }
        stage.advance(by: .milliseconds(20))
        for id in 20..<60 { stage.start(id) }
        stage.advance(by: .milliseconds(3))
        let held = stage.limiters[0].held
        #expect(held > 0)
        stage.advance(by: .milliseconds(60))
        #expect(stage.limiters[0].held == 0)
        #expect(stage.limiters[0].totals.expired >= held)
        stage.end()
        let returned = stage.store.requests.withLock { $0.reduce(0) { $0 + $1.returned } }
        #expect(returned > 0)
    }

    @Test("the end gives back what is held, and no operation runs after it")
    func giveBack() throws {
        let stage = try SharedStage(Self.rule)
        for step in 0..<300 {
            stage.start(step)
            stage.advance(by: .microseconds(200))
        }
        let held = stage.limiters[0].held
        #expect(held > 0)
        let used = stage.uses.withLock { $0.count }
        stage.runs.withLock { $0[0] }.cancel()
        stage.advance(by: .zero)
        #expect(stage.limiters[0].held == 0)
        let last = stage.store.requests.withLock { $0.suffix(5) }
        #expect(last.reduce(0) { $0 + $1.returned } >= held, "\(used) used")
        #expect(last.last?.wanted == 0)
        stage.advance(by: .seconds(100))
        #expect(stage.store.requests.withLock { $0.count } == stage.store.grants.withLock { $0.count })
    }

    @Test("a call that gives up leaves no trace, also at the very moment of the grant")
    func cancellation() throws {
        let stage = try SharedStage(Self.rule, latency: 500...500)
        let first = stage.start(1)
        let second = stage.start(2)
        first.cancel()
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1) == "cancelled")
        #expect(stage.outcome(2) == "granted")
        #expect(stage.limiters[0].totals.cancelled == 1)
        second.cancel()
        stage.end()
    }

    @Test("more permits than the store ever has at once are refused at once")
    func exceeds() throws {
        let stage = try SharedStage(Self.rule)
        let most = stage.limiters[0].quota.plan.storeRule.burst
        #expect(most == 499)
        stage.start(1, permits: most)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1) == "granted")
        stage.start(2, permits: most + 1)
        #expect(stage.outcome(2) == "exceeds")
        stage.start(3, permits: Int.max)
        #expect(stage.outcome(3) == "exceeds")
        stage.start(4, permits: 0)
        #expect(stage.outcome(4) == "granted")
        stage.start(5, permits: -1)
        #expect(stage.outcome(5) == "granted")
        stage.end()
    }

    @Test("a quota of few permits: a call that cannot get one in time hears when")
    func slowQuota() throws {
        let rule = SharedQuotaRule(permits: 1, period: .seconds(10), burst: 3)
        let stage = try SharedStage(rule, latency: 500...500)
        for id in 0..<2 {
            stage.start(id)
            stage.advance(by: .milliseconds(20))
            #expect(stage.outcome(id) == "granted")
        }
        stage.start(2)
        stage.advance(by: .milliseconds(20))
        let outcome = try #require(stage.outcome(2))
        #expect(outcome.hasPrefix("refused 9"), "\(outcome)")
        // It is known now, and nobody has to ask again.
        let exchanges = stage.limiters[0].totals.exchanges
        stage.start(3)
        #expect(stage.outcome(3)?.hasPrefix("refused") == true)
        #expect(stage.limiters[0].totals.exchanges <= exchanges + 1)
        stage.advance(by: .seconds(10))
        stage.start(4, maxWait: .seconds(12))
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(4) == "granted")
        stage.end()
    }

    @Test("in a policy it is a layer like any other")
    func layer() async throws {
        // It stands still, so that no wait is too long on a busy machine.
        let clock = ManualClock()
        let store = InMemoryRateStore(clock: clock)
        let policy = try Policy("api", clock: clock) {
            SharedRateLimiter.layer(.init(rule: Self.rule, whenUnavailable: .open), through: store)
        }
        #expect(policy.description.contains("SharedRateLimiter(api)"))
        #expect(policy.sharedRateLimiters.count == 1)
        let limiter = policy.sharedRateLimiters[0]
        let run = Task { try await limiter.run() }
        #expect(try await policy.execute { 7 } == 7)
        #expect(limiter.totals.permitted == 1)
        run.cancel()
        let fluent = try Policy.pipeline("api", clock: clock)
            .sharedRateLimiter(.init(rule: Self.rule), through: store)
            .sharedRateLimiter("partner", .init(rule: Self.rule), through: store)
            .sharedRateLimiter(limiter)
            .sharedRateLimiter(Self.rule, through: store)
            .sharedRateLimiter("ruled", Self.rule, through: store)
            .build()
        #expect(fluent.sharedRateLimiters.map(\.name) == ["api", "partner", "api", "api", "ruled"])
        #expect(fluent.sharedRateLimiters[3...].allSatisfy { $0.configuration == .init(rule: Self.rule) })
        #expect(throws: ConfigurationError.self) {
            _ = try Policy("api") {
                SharedRateLimiter.layer(.init(permits: 0, period: .zero, burst: 0), through: store)
            }
        }
    }
}
