import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Shared limiter: a store that is away")
struct SharedOutageTests {
    typealias Configuration = SharedRateLimiter.Configuration
    static let rule = SharedQuotaRule(permits: 1000, period: .seconds(1), burst: 1000)
    static let errors: [SharedStateError] = [
        .unavailable("no connection"), .timedOut(.milliseconds(100)), .incompatibleVersion(found: 2, known: 1),
        .malformed("nil"), .refused("NOAUTH"),
    ]

    @Test("one event tells that it is away and one that it is back, whatever the error", arguments: errors)
    func events(error: SharedStateError) throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, whenUnavailable: .open), latency: 500...500, observed: true)
        stage.store.fault.withLock { $0 = .error(error) }
        for id in 0..<300 {
            stage.start(id)
            stage.advance(by: .milliseconds(100))
        }
        #expect((0..<300).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.changes == ["shared_rate_limiter.degraded"])
        #expect(stage.limiters[0].isDegraded)
        // Looked for again with a delay that doubles from 100 ms up to 10 s.
        #expect((8...10).contains(stage.store.requests.withLock { $0.count }))

        stage.store.fault.withLock { $0 = .none }
        stage.advance(by: .seconds(10))
        #expect(stage.changes == ["shared_rate_limiter.degraded", "shared_rate_limiter.recovered"])
        #expect(!stage.limiters[0].isDegraded)
        #expect(stage.limiters[0].totals.outages == 1)
        stage.start(1000)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1000) == "granted")
        #expect(stage.store.granted >= 1)
        stage.end()
    }

    @Test("a store that does not answer counts as away after the limit, and its late grant is not used")
    func hangs() throws {
        let stage = try SharedStage(Configuration(rule: Self.rule, whenUnavailable: .closed), observed: true)
        stage.store.fault.withLock { $0 = .hangs(.seconds(1)) }
        stage.start(1)
        stage.advance(by: .milliseconds(99))
        #expect(stage.outcome(1) == nil)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1) == "unavailable")
        stage.start(2)
        #expect(stage.outcome(2) == "unavailable")
        stage.store.fault.withLock { $0 = .none }
        stage.advance(by: .seconds(3))
        #expect(stage.changes == ["shared_rate_limiter.degraded", "shared_rate_limiter.recovered"])
        // Beside that with which the store was tried, and which it has back.
        #expect(stage.store.granted - stage.store.returned == 1)
        #expect(stage.limiters[0].held == 0)
        // The next request gives it back.
        stage.start(3)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(3) == "granted")
        #expect(stage.store.requests.withLock { $0.last?.returned } == 1)
        stage.end()
    }

    @Test("a local share: begins with one permit, fills at its rate, and calls wait for it")
    func local() throws {
        let stage = try SharedStage(Configuration(rule: Self.rule, whenUnavailable: .local(share: 0.1)))
        stage.store.fault.withLock { $0 = .error(.unavailable("")) }
        stage.start(0)
        stage.advance(by: .zero)
        #expect(stage.outcome(0) == "granted")
        for id in 1...30 { stage.start(id) }
        #expect(stage.outcome(1) == nil)
        stage.advance(by: .milliseconds(10))
        #expect(stage.outcome(1) == "granted")
        #expect(stage.outcome(2) == nil)
        stage.advance(by: .milliseconds(300))
        #expect((1...20).allSatisfy { stage.outcome($0) == "granted" })
        #expect((21...30).allSatisfy { stage.outcome($0)?.hasPrefix("refused") == true })
        stage.start(31, permits: 101)
        #expect(stage.outcome(31) == "unavailable")
        stage.end()
    }

    @Test("while the limiter is not run it decides as without the store, and says so once")
    func notRunning() throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, whenUnavailable: .open), observed: true, runs: false)
        for id in 0..<5 { stage.start(id) }
        // Somebody may be about to.
        stage.advance(by: .milliseconds(99))
        #expect(stage.outcome(0) == nil && stage.changes.isEmpty && !stage.limiters[0].isDegraded)
        stage.advance(by: .milliseconds(1))
        #expect((0..<5).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.changes == ["shared_rate_limiter.degraded"] && stage.limiters[0].isDegraded)
        stage.start(6)
        #expect(stage.outcome(6) == "granted" && stage.limiters[0].totals.withoutStore == 6)
        stage.run(0)
        stage.advance(by: .milliseconds(1))
        #expect(stage.changes == ["shared_rate_limiter.degraded", "shared_rate_limiter.recovered"])
        stage.end()
        #expect(!stage.limiters[0].isDegraded)
        stage.start(9)
        #expect(stage.outcome(9) == "granted")
        #expect(stage.changes.count == 2)
    }

    @Test(
        "calls that come before the limiter is run wait for the store as others do",
        arguments: [SharedRateLimiter.Mode.leased, .exact])
    func beforeTheRun(mode: SharedRateLimiter.Mode) throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, mode: mode, whenUnavailable: .closed), latency: 500...500, observed: true,
            runs: false)
        for id in 0..<5 { stage.start(id) }
        stage.advance(by: .milliseconds(50))
        #expect((0..<5).allSatisfy { stage.outcome($0) == nil })
        stage.run(0)
        stage.advance(by: .milliseconds(20))
        #expect((0..<5).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.store.granted >= 5 && stage.limiters[0].totals.withoutStore == 0)
        #expect(stage.changes.isEmpty)
        stage.end()
    }

    @Test("a store that can be read and not written to is away once, until it can be written to")
    func outOfMemory() throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, whenUnavailable: .open), latency: 500...500, observed: true)
        stage.start(0)
        stage.advance(by: .seconds(2))
        stage.store.fault.withLock { $0 = .outOfMemory }
        for id in 1...300 {
            stage.start(id)
            stage.advance(by: .milliseconds(100))
        }
        #expect((0...300).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.changes == ["shared_rate_limiter.degraded"])
        stage.store.fault.withLock { $0 = .none }
        stage.advance(by: .seconds(15))
        #expect(stage.changes == ["shared_rate_limiter.degraded", "shared_rate_limiter.recovered"])
        stage.end()
    }

    @Test("why a store is away is told, also where the limiter was not run before")
    func cause() throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, whenUnavailable: .open), observed: true, runs: false)
        stage.store.fault.withLock { $0 = .error(.refused("NOAUTH")) }
        stage.start(0)
        stage.advance(by: .milliseconds(100))
        stage.run(0)
        stage.advance(by: .seconds(30))
        let causes = stage.recorder.events(of: SharedRateLimiter.Event.self).compactMap { event in
            if case .degraded(let error) = event.kind { error } else { nil }
        }
        #expect(causes == [.unavailable("nothing runs the exchange with it"), .refused("NOAUTH")])
        stage.end()
    }

    @Test("without the store, too, a call never waits for permits that come at its deadline, or later")
    func deadlines() throws {
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 10)
        let stage = try SharedStage(.init(rule: rule, maxWait: .seconds(10)))
        stage.store.fault.withLock { $0 = .error(.unavailable("gone")) }
        stage.start(1)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1) == "granted")
        // One a second alone: the next is there in 999 ms.
        let next = Duration.milliseconds(999)
        stage.start(2, deadline: next)
        #expect(stage.outcome(2) == "refused \(next.saturatedNanoseconds)")
        stage.start(3, deadline: next + .nanoseconds(1))
        stage.advance(by: next - .nanoseconds(1))
        #expect(stage.outcome(3) == nil)
        stage.advance(by: .nanoseconds(1))
        #expect(stage.outcome(3) == "granted")
        stage.end()
    }

    @Test("permits that are held are used while the store is away, until their lease ends")
    func held() throws {
        let stage = try SharedStage(Configuration(rule: Self.rule, whenUnavailable: .closed))
        for id in 0..<200 {
            stage.start(id)
            stage.advance(by: .milliseconds(1))
        }
        stage.store.fault.withLock { $0 = .error(.unavailable("")) }
        let held = stage.limiters[0].held
        #expect(held > 5)
        for id in 1000..<1000 + held { stage.start(id) }
        #expect((1000..<1000 + held).allSatisfy { stage.outcome($0) == "granted" })
        stage.start(5000)
        stage.advance(by: .seconds(1))
        #expect(stage.outcome(5000) == "unavailable")
        stage.end()
    }

    @Test("a store that is required and does not answer at first ends the run with its error, and only then")
    func required() throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, whenUnavailable: .open, isRequired: true), latency: 500...500, runs: false)
        stage.store.fault.withLock { $0 = .error(.refused("NOAUTH")) }
        stage.run(0)
        stage.advance(by: .milliseconds(10))
        #expect(stage.refusals.withLock { $0 } == [.refused("NOAUTH")])
        stage.store.fault.withLock { $0 = .hangs(.seconds(100)) }
        stage.run(0)
        stage.advance(by: .milliseconds(100))
        #expect(stage.refusals.withLock { $0.last } == .timedOut(.milliseconds(100)))
        stage.store.fault.withLock { $0 = .none }
        stage.run(0)
        stage.advance(by: .milliseconds(10))
        stage.store.fault.withLock { $0 = .error(.unavailable("later")) }
        for id in 0..<3 { stage.start(id) }
        stage.advance(by: .seconds(1))
        #expect((0..<3).allSatisfy { stage.outcome($0) == "granted" })
        #expect(stage.refusals.withLock { $0.count } == 2)
        stage.end()
    }

    @Test("several runs at once are one; a second begins when the first has ended")
    func runs() throws {
        let stage = try SharedStage(Self.rule)
        stage.run(0)
        stage.executor.drain()
        stage.start(1)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(1) == "granted")
        stage.end()
        #expect(!stage.limiters[0].isDegraded)
        stage.run(0)
        stage.executor.drain()
        #expect(!stage.limiters[0].isDegraded)
        stage.start(2)
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(2) == "granted")
        stage.end()
    }
}

@Suite("Shared limiter: each call asks")
struct SharedExactTests {
    typealias Configuration = SharedRateLimiter.Configuration
    static let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 2)

    @Test("each call asks the store, waits for its permit, or hears when there is one")
    func exact() throws {
        let stage = try SharedStage(Configuration(rule: Self.rule, mode: .exact), nodes: 2, latency: 500...500)
        for id in 0..<2 { stage.start(id, node: id) }
        stage.advance(by: .milliseconds(1))
        #expect(stage.outcome(0) == "granted" && stage.outcome(1) == "granted")
        stage.start(2)
        stage.advance(by: .milliseconds(50))
        #expect(stage.outcome(2) == nil)
        stage.advance(by: .milliseconds(60))
        #expect(stage.outcome(2) == "granted")
        stage.start(3, maxWait: .milliseconds(10))
        stage.advance(by: .milliseconds(2))
        #expect(stage.outcome(3)?.hasPrefix("refused") == true)
        stage.start(4, permits: 3)
        stage.advance(by: .milliseconds(2))
        #expect(stage.outcome(4) == "exceeds")
        #expect(!stage.limiters[0].tryAcquire())
        #expect(stage.limiters[0].tryAcquire(0))
        stage.end()
    }

    @Test("many waiting calls do not ask the store all at once, again and again")
    func crowd() throws {
        let rule = SharedQuotaRule(permits: 100, period: .seconds(1), burst: 1)
        let stage = try SharedStage(
            Configuration(rule: rule, mode: .exact, maxWait: .seconds(1)), latency: 500...500, random: .seeded(3))
        for id in 0..<100 { stage.start(id) }
        stage.advance(by: .milliseconds(5))
        #expect(stage.limiters[0].waiting == 99)
        stage.advance(by: .seconds(2))
        #expect((0..<100).allSatisfy { stage.outcome($0) != nil })
        #expect(stage.limiters[0].waiting == 0)
        // All of them for each permit would be thousands.
        #expect(stage.limiters[0].totals.exchanges <= 600, "\(stage.limiters[0].totals.exchanges)")
        #expect(stage.uses.withLock { $0.count } >= 30)
        stage.end()
    }

    @Test("a store that is too slow is away for the call; what it grants later is given back")
    func tooSlow() throws {
        let stage = try SharedStage(
            Configuration(rule: Self.rule, mode: .exact, whenUnavailable: .open), observed: true)
        stage.store.fault.withLock { $0 = .hangs(.milliseconds(150)) }
        stage.start(1)
        stage.advance(by: .milliseconds(100))
        #expect(stage.outcome(1) == "granted")
        stage.start(2)
        #expect(stage.outcome(2) == "granted")
        #expect(stage.limiters[0].totals.withoutStore == 2)
        stage.store.fault.withLock { $0 = .none }
        stage.advance(by: .seconds(1))
        #expect(stage.changes == ["shared_rate_limiter.degraded", "shared_rate_limiter.recovered"])
        #expect(stage.store.requests.withLock { $0.contains { $0.returned == 1 } })
        stage.end()
    }

    @Test("a call that gives up while the store is asked gives the permit back")
    func cancelled() throws {
        let stage = try SharedStage(Configuration(rule: Self.rule, mode: .exact), latency: 500...500)
        let call = stage.start(1)
        stage.advance(by: .microseconds(100))
        call.cancel()
        stage.advance(by: .milliseconds(5))
        #expect(stage.outcome(1) == "cancelled")
        #expect(stage.store.requests.withLock { $0.map(\.returned) } == [0, 1])
        stage.end()
    }
}
