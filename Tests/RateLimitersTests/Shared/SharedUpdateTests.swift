import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

@Suite("Shared limiter: another rule while it is in use", .timeLimit(.minutes(30)))
struct SharedUpdateTests {
    typealias Configuration = SharedRateLimiter.Configuration

    private static let slow = SharedQuotaRule(permits: 1, period: .seconds(10), burst: 10)
    private static let quick = SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 1000)

    /// What the store has granted and has not had back.
    private func taken(_ stage: SharedStage) -> Int {
        stage.store.granted - stage.store.requests.withLock { $0.reduce(0) { $0 + $1.returned } }
    }

    @Test(
        "waiting calls are served by the new rule, in order, whatever the old one has said",
        arguments: [0, 500, 60_000])
    func waiting(latency: Int) throws {
        let stage = try SharedStage(
            .init(rule: Self.slow, operationLimit: .seconds(1)), latency: latency...latency)
        let burst = stage.limiters[0].quota.plan.storeRule.burst
        stage.start(0, permits: burst)
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(0) == "granted")
        for id in 1...20 { stage.start(id, maxWait: .seconds(600)) }
        // With the greatest latency the request is on its way now, and its answer is about the old rule.
        stage.advance(by: .milliseconds(90))
        #expect((1...20).allSatisfy { stage.outcome($0) == nil })
        try stage.limiters[0].update(Configuration(rule: Self.quick))
        #expect(stage.limiters[0].configuration.rule == Self.quick)
        stage.advance(by: .milliseconds(500))
        #expect((1...20).allSatisfy { stage.outcome($0) == "granted" })
        stage.start(21)
        stage.advance(by: .milliseconds(200))
        #expect(stage.outcome(21) == "granted")
        #expect(stage.uses.withLock { $0.reduce(0) { $0 + $1.permits } } <= taken(stage))
        stage.end()
    }

    @Test("a call that waits for more than there ever are by the new rule is refused at once, and none behind it")
    func tooMany() throws {
        let stage = try SharedStage(Self.slow)
        stage.start(0, permits: 9)
        stage.start(1, permits: 5, maxWait: .seconds(600))
        stage.start(2, maxWait: .seconds(600))
        stage.advance(by: .seconds(1))
        try stage.limiters[0].update(Configuration(rule: .init(permits: 100, period: .seconds(1), burst: 4)))
        stage.advance(by: .zero)
        #expect(stage.outcome(1) == "exceeds")
        #expect(stage.outcome(2) == nil)
        // The nine that were used are nine by the new rule, too.
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(2) == "granted")
        stage.end()
    }

    @Test("what is held ends within the new lease, and is told to the store")
    func lease() throws {
        let stage = try SharedStage(
            .init(rule: .init(permits: 1000, period: .seconds(1), burst: 9000), leaseLength: .seconds(5)))
        for id in 0..<600 {
            stage.start(id)
            stage.advance(by: .milliseconds(1))
        }
        let limiter = stage.limiters[0]
        let held = limiter.held
        #expect(held > 0)
        var settings = limiter.configuration
        settings.leaseLength = .milliseconds(20)
        try limiter.update(settings)
        #expect(limiter.held == held)
        stage.advance(by: .milliseconds(21))
        #expect(limiter.held == 0 && limiter.totals.expired >= held)
        stage.start(1000)
        stage.advance(by: .milliseconds(10))
        #expect(limiter.totals.returned > 0)
        stage.end()
    }

    @Test("from leased to exact what is held is given back, and each call asks; and back again, with waiting calls")
    func modes() throws {
        let stage = try SharedStage(Self.quick, latency: 500...500)
        let limiter = stage.limiters[0]
        for id in 0..<300 {
            stage.start(id)
            stage.advance(by: .microseconds(200))
        }
        let held = limiter.held
        #expect(held > 0)
        var settings = limiter.configuration
        settings.mode = .exact
        try limiter.update(settings)
        #expect(limiter.held == 0)
        stage.advance(by: .milliseconds(2))
        #expect(limiter.totals.returned >= held)
        #expect(!stage.attempt())
        let before = limiter.totals.exchanges
        for id in 300..<310 { stage.start(id) }
        stage.advance(by: .milliseconds(2))
        #expect((300..<310).allSatisfy { stage.outcome($0) == "granted" })
        #expect(limiter.totals.exchanges == before + 10)

        // Ten are there at once, and the next comes in ten seconds; until there is another rule.
        settings.rule = Self.slow
        try limiter.update(settings)
        for id in 400..<420 { stage.start(id, maxWait: .seconds(600)) }
        stage.advance(by: .seconds(1))
        #expect(limiter.waiting == 10)
        settings = Configuration(rule: Self.quick)
        try limiter.update(settings)
        stage.advance(by: .milliseconds(500))
        #expect((400..<420).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.uses.withLock { $0.reduce(0) { $0 + $1.permits } } <= taken(stage))
        stage.end()
    }

    @Test("calls that wait for leased permits get them when each call begins to ask, and none gets a permit too many")
    func waitingIntoExact() throws {
        let stage = try SharedStage(Self.slow, latency: 500...500)
        stage.start(0, permits: 9)
        for id in 1...5 { stage.start(id, permits: id, maxWait: .seconds(600)) }
        stage.advance(by: .seconds(1))
        try stage.limiters[0].update(Configuration(rule: Self.quick, mode: .exact))
        stage.advance(by: .seconds(1))
        #expect((1...5).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.limiters[0].held == 0)
        #expect(stage.uses.withLock { $0.reduce(0) { $0 + $1.permits } } == 24)
        stage.end()
    }

    @Test("while the store is away another answer holds at once, and a share keeps what was used")
    func away() throws {
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 100)
        let stage = try SharedStage(.init(rule: rule, whenUnavailable: .local(share: 0.5)), runs: false)
        let limiter = stage.limiters[0]
        // Nobody runs it.
        #expect(!stage.attempt())
        stage.advance(by: .milliseconds(100))
        #expect(stage.attempt())
        #expect(!stage.attempt())
        stage.start(1, permits: 40, maxWait: .seconds(600))
        var settings = limiter.configuration
        settings.whenUnavailable = .local(share: 1)
        try limiter.update(settings)
        // A greater share gives nothing at once: what it may hold more comes at its rate.
        #expect(stage.outcome(1) == nil)
        stage.advance(by: .seconds(5))
        #expect(stage.outcome(1) == "granted")
        stage.start(2, permits: 40, maxWait: .seconds(600))
        stage.start(3, permits: 40, maxWait: .seconds(600))
        settings.whenUnavailable = .open
        try limiter.update(settings)
        stage.advance(by: .zero)
        #expect(stage.outcome(2) == "granted" && stage.outcome(3) == "granted")
        settings.whenUnavailable = .closed
        try limiter.update(settings)
        stage.start(4)
        #expect(stage.outcome(4) == "unavailable")
    }

    @Test("the longest time of an operation is the new one")
    func operationLimit() throws {
        let stage = try SharedStage(.init(rule: Self.quick, operationLimit: .seconds(10), whenUnavailable: .closed))
        var settings = stage.limiters[0].configuration
        settings.operationLimit = .milliseconds(50)
        try stage.limiters[0].update(settings)
        stage.store.fault.withLock { $0 = .hangs(.seconds(5)) }
        stage.start(1, maxWait: .seconds(60))
        stage.advance(by: .milliseconds(49))
        #expect(!stage.limiters[0].isDegraded)
        stage.advance(by: .milliseconds(2))
        #expect(stage.limiters[0].isDegraded)
        #expect(stage.outcome(1) == "unavailable")
        stage.end()
    }

    @Test("a fault changes nothing, and an update is told")
    func faults() throws {
        let stage = try SharedStage(Self.quick, observed: true)
        let before = stage.limiters[0].configuration
        let error = #expect(throws: ConfigurationError.self) {
            try stage.limiters[0].update(
                Configuration(rule: .init(permits: 0, period: .zero, burst: 0), maxWait: .seconds(-1)))
        }
        #expect(error?.faults.count == 4)
        #expect(stage.limiters[0].configuration == before)
        #expect(!stage.recorder.names.contains("shared_rate_limiter.updated"))
        try stage.limiters[0].update(Configuration(rule: Self.slow))
        #expect(stage.recorder.names.filter { $0 == "shared_rate_limiter.updated" }.count == 1)
        stage.end()
    }

    @Test("the probe of a store that is back goes by the rule in force")
    func probe() throws {
        let stage = try SharedStage(.init(rule: Self.slow, whenUnavailable: .closed))
        try stage.limiters[0].update(Configuration(rule: Self.quick, whenUnavailable: .closed))
        stage.store.fault.withLock { $0 = .error(.unavailable("away")) }
        stage.start(1)
        stage.advance(by: .seconds(3))
        let rule = stage.limiters[0].quota.plan.storeRule
        let rules = stage.store.requests.withLock { $0.map(\.rule) }
        #expect(rules.count >= 3 && rules.allSatisfy { $0 == rule })
        stage.end()
    }

    @Test(
        "while nodes go over to another rule one after another no more is used than by the greater, and what it leases",
        arguments: seeds(40, from: 1))
    func nodesDiffer(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let rules = [
            SharedQuotaRule(
                permits: Int.random(in: 200...10_000, using: &random), period: .seconds(1),
                burst: Int.random(in: 400...2000, using: &random)),
            SharedQuotaRule(
                permits: Int.random(in: 200...10_000, using: &random), period: .milliseconds(500),
                burst: Int.random(in: 400...2000, using: &random)),
        ]
        let configurations = rules.map { Configuration(rule: $0, maxWait: .zero, leaseLength: .milliseconds(20)) }
        let nodes = 3
        let stage = try SharedStage(configurations[0], nodes: nodes, latency: 300...700, seed: seed)
        var present = [0, 0, 0]
        var lastChange: Int64 = 0
        for step in 0..<12_000 {
            stage.attempt(step % nodes, permits: Int.random(in: 1...3, using: &random))
            stage.advance(by: .microseconds(50))
            guard step < 8000, Int.random(in: 0..<400, using: &random) == 0 else { continue }
            let node = Int.random(in: 0..<nodes, using: &random)
            present[node] = 1 - present[node]
            try stage.limiters[node].update(configurations[present[node]])
            lastChange = stage.now
        }
        for node in 0..<nodes where present[node] == 0 {
            try stage.limiters[node].update(configurations[1])
            lastChange = stage.now
        }
        for step in 0..<6000 {
            stage.attempt(step % nodes)
            stage.advance(by: .microseconds(50))
        }
        let uses = stage.uses.withLock { $0 }
        let rate = max(rules[0].permits, 2 * rules[1].permits)
        let greatest = SharedQuotaRule(
            permits: rate, period: .seconds(1), burst: max(rules[0].burst, rules[1].burst) + rate / 50 + 2)
        #expect(firstBreach(of: greatest, uses) == nil, "seed \(seed): \(rules)")
        // A lease and the time of an operation after the last.
        let settled = uses.filter { $0.at >= lastChange + 22_000_000 }
        #expect(settled.count > 50, "seed \(seed): \(rules)")
        #expect(firstBreach(of: rules[1], settled) == nil, "seed \(seed): \(rules)")
        #expect(uses.reduce(0) { $0 + $1.permits } <= taken(stage), "seed \(seed)")
        stage.end()
    }

    @Test("updates on many threads during calls: no permit is used twice, and the last update holds for every key")
    func contention() async throws {
        let store = StageStore(ManualClock())
        let keyed = try SharedKeyedRateLimiter<Int>(
            "api", .init(rule: Self.quick, whenUnavailable: .closed), through: store)
        let single = try SharedRateLimiter("one", .init(rule: Self.quick, whenUnavailable: .closed), through: store)
        let runs = [Task { try? await keyed.run() }, Task { try? await single.run() }]
        let used = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var used = 0
                    for step in 0..<300 {
                        if worker < 2 {
                            let burst = 500 + step + worker
                            let rule = SharedQuotaRule(permits: 100_000, period: .seconds(1), burst: 100_000 + burst)
                            let mode: SharedRateLimiter.Mode = step % 7 == 0 ? .exact : .leased
                            try? keyed.update(.init(rule: rule, mode: mode, whenUnavailable: .closed))
                            try? single.update(.init(rule: rule, mode: mode, whenUnavailable: .closed))
                        }
                        if (try? await keyed.acquire(for: step % 40)) != nil { used += 1 }
                        if (try? await single.acquire()) != nil { used += 1 }
                    }
                    return used
                }
            }
            return await group.reduce(0, +)
        }
        #expect(used > 0)
        let returned = store.requests.withLock { $0.reduce(0) { $0 + $1.returned } }
        #expect(used <= store.granted - returned, "\(used) of \(store.granted), \(returned) returned")
        let last = SharedRateLimiter.KeyedConfiguration(rule: Self.slow, mode: .exact)
        try keyed.update(last)
        #expect(keyed.configuration == last)
        #expect(keyed.table.all.allSatisfy { $0.plan.storeRule == Self.slow && $0.isExact && $0.plan.key != nil })
        for run in runs { run.cancel() }
        for run in runs { await run.value }
    }

    @Test("a key that is new, and one that is known, both go by the new rule")
    func keys() throws {
        let stage = try SharedKeyedTests.Stage()
        stage.start("a", permits: 5)
        stage.advance(by: .seconds(1))
        let rule = SharedQuotaRule(permits: 1000, period: .seconds(1), burst: 1000)
        try stage.limiters[0].update(SharedRateLimiter.KeyedConfiguration(rule: rule))
        for key in ["a", "b"] { stage.start(key, permits: 700) }
        stage.advance(by: .seconds(1))
        #expect(stage.outcomes.withLock { $0 } == ["a granted": 2, "b granted": 1])
    }

    @Test("settings are what a document says of them, in every part")
    func documents() throws {
        let settings = Configuration(
            rule: Self.slow, mode: .exact, maxWait: .seconds(3), operationLimit: .milliseconds(7),
            whenUnavailable: .local(share: 0.25), leaseLength: .milliseconds(30), isRequired: true)
        #expect(try Configuration(settings.document, onto: Configuration(rule: Self.quick)) == settings)
        let keyed = SharedRateLimiter.KeyedConfiguration(settings)
        #expect(try SharedRateLimiter.KeyedConfiguration(keyed.document) == keyed)
        for word in ["open", "closed"] as [ConfigurationValue] {
            let read = try Configuration(["whenUnavailable": word], onto: settings)
            #expect(read.document["whenUnavailable"] == word)
        }
        #expect(try Configuration(["leaseLength": nil], onto: settings).leaseLength == nil)
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(
                [
                    "rule": ["permits": 0, "burst": 0], "mode": "leased", "whenUnavailable": ["local": 2],
                    "leaseLength": "1ms", "operationLimit": "0s", "maxWait": "-1s", "isRequire": true,
                ], onto: settings, at: "here")
        }
        #expect(
            Set(error?.faults.map(\.field) ?? []) == [
                "here.rule.permits", "here.rule.burst", "here.whenUnavailable.local", "here.leaseLength",
                "here.operationLimit", "here.maxWait", "here.isRequire",
            ])
        #expect(throws: ConfigurationError.self) { try Configuration([:]) }
    }
}
