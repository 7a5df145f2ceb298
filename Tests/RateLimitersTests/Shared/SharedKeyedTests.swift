import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite("Shared keyed limiter")
struct SharedKeyedTests {
    static let rule = SharedQuotaRule(permits: 100, period: .seconds(1), burst: 20)

    /// Nodes of one fleet in one thread.
    final class Stage: Sendable {
        let clock = ManualClock()
        let executor = SteppingExecutor()
        let store: StageStore
        let recorder = EventRecorder()
        let limiters: [SharedKeyedRateLimiter<String>]
        let runs = Lock<[Task<Void, Never>]>([])
        let outcomes = Lock<[String: Int]>([:])

        init(
            _ configuration: SharedRateLimiter.KeyedConfiguration = .init(rule: SharedKeyedTests.rule), nodes: Int = 1,
            maxKeys: Int = 100, observed: Bool = false
        ) throws {
            let (clock, recorder) = (clock, recorder)
            let store = StageStore(clock)
            self.store = store
            limiters = try (0..<nodes).map { _ in
                try SharedKeyedRateLimiter(
                    "api", configuration, through: store, maxKeys: maxKeys, clock: clock,
                    random: .constant(1), observers: observed ? [recorder] : [])
            }
            for limiter in limiters {
                let run = Task(executorPreference: executor) { _ = try? await limiter.run() }
                runs.withLock { $0.append(run) }
            }
            executor.drain()
        }

        func start(_ key: String, node: Int = 0, permits: Int = 1) {
            Task(executorPreference: executor) { [self] in
                let outcome: String
                do {
                    try await limiters[node].acquire(for: key, permits: permits)
                    outcome = "granted"
                } catch {
                    outcome = "\(type(of: error))"
                }
                outcomes.withLock { $0["\(key) \(outcome)", default: 0] += 1 }
            }
            executor.drain()
        }

        func advance(by duration: Duration) { clock.advance(by: duration, running: executor) }

        func count(_ outcome: String) -> Int { outcomes.withLock { $0[outcome] ?? 0 } }

        func end() {
            for run in runs.withLock({ $0 }) { run.cancel() }
            advance(by: .seconds(1))
        }
    }

    @Test("every key has a quota of its own, on all nodes together")
    func keys() throws {
        let stage = try Stage(nodes: 2)
        for _ in 0..<20 {
            for key in ["a", "b"] { for node in 0..<2 { stage.start(key, node: node) } }
        }
        stage.advance(by: .milliseconds(50))
        for key in ["a", "b"] {
            let granted = stage.count("\(key) granted")
            #expect((10...25).contains(granted), "\(granted)")
        }
        #expect(stage.store.requests.withLock { Set($0.map(\.key)) } == ["a", "b"])
        stage.end()
    }

    @Test("keys that are made up take no more places than there are, and shut no other out")
    func madeUpKeys() throws {
        let stage = try Stage(maxKeys: 50)
        for step in 0..<2000 {
            stage.start("made up \(step)")
            if step % 20 == 0 { stage.start("true") }
            stage.advance(by: .milliseconds(1))
            #expect(stage.limiters[0].count <= 50)
        }
        stage.advance(by: .seconds(1))
        #expect(stage.count("true granted") == 100)
        #expect(stage.limiters[0].totals.rejected == 0)
        #expect(!stage.limiters[0].isDegraded)
        stage.end()
    }

    @Test("a key is refused only where calls wait for permits of as many others")
    func tooManyKeys() throws {
        let stage = try Stage(.init(rule: Self.rule, whenUnavailable: .closed), maxKeys: 3, observed: true)
        stage.store.fault.withLock { $0 = .hangs(.milliseconds(50)) }
        for key in ["a", "b", "c", "d"] { stage.start(key) }
        #expect(stage.count("d TooManyKeysError") == 1)
        #expect(stage.recorder.names == ["shared_rate_limiter.rejected"])
        stage.advance(by: .milliseconds(60))
        stage.start("d")
        stage.advance(by: .milliseconds(60))
        #expect(stage.count("d granted") == 1)
        #expect(stage.limiters[0].count <= 3)
        stage.end()
    }

    @Test("a forgotten key gives its permits back")
    func forgotten() throws {
        let stage = try Stage(.init(rule: SharedRateLimiterTests.rule), maxKeys: 1)
        for _ in 0..<300 {
            stage.start("a")
            stage.advance(by: .microseconds(200))
        }
        #expect(stage.count("a granted") == 300)
        let held = stage.limiters[0].table.figures.held
        #expect(held > 0)
        stage.start("b")
        stage.advance(by: .milliseconds(5))
        #expect(stage.count("b granted") == 1)
        let returned = stage.store.requests.withLock { requests in
            requests.filter { $0.key == "a" && $0.wanted == 0 }.reduce(0) { $0 + $1.returned }
        }
        #expect(returned == held)
        stage.end()
    }

    @Test("one event tells that the store is away, however many keys there are")
    func outage() throws {
        let stage = try Stage(.init(rule: Self.rule, whenUnavailable: .open), observed: true)
        stage.store.fault.withLock { $0 = .error(.unavailable("gone")) }
        for step in 0..<50 {
            stage.start("\(step)")
            stage.advance(by: .milliseconds(10))
        }
        #expect((0..<50).allSatisfy { stage.count("\($0) granted") == 1 })
        #expect(stage.recorder.names.filter { $0 == "shared_rate_limiter.degraded" }.count == 1)
        stage.store.fault.withLock { $0 = .none }
        stage.advance(by: .seconds(10))
        #expect(stage.recorder.names.filter { $0 == "shared_rate_limiter.recovered" }.count == 1)
        stage.end()
    }

    @Test("as a layer it takes the key from the context")
    func layers() async throws {
        enum Tenant: ContextKey { typealias Value = String }
        let clock = ManualClock()
        let recorder = EventRecorder()
        let limiter = try SharedKeyedRateLimiter<String>(
            "api", .init(rule: Self.rule, whenUnavailable: .local(share: 1)), through: InMemoryRateStore(clock: clock),
            clock: clock, observers: [recorder])
        let policy = try Policy("api") { limiter.by { $0[Tenant.self] ?? "" } }
        #expect(policy.description.contains("SharedKeyedRateLimiter(api)"))
        let first = Task { try await policy.setting(Tenant.self, to: "a").execute { 1 } }
        // That of its wait, and that by which somebody has to run the limiter.
        try await clock.waitForTimers(2)
        clock.advance(by: .milliseconds(100))
        #expect(try await first.value == 1)
        #expect(try await limiter["b"].execute { 2 } == 2)
        #expect(try await limiter.execute(for: "c") { 3 } == 3)
        #expect(limiter.tryAcquire(for: "d"))
        #expect(limiter.tryAcquire(for: "d", permits: 0))
        #expect(!limiter.tryAcquire(for: "d", permits: 2))
        // Not how many it remembers: which are in one shard, and may be forgotten, hangs on the hashes of this process.
        let keys = recorder.events(of: SharedRateLimiter.Event.self).compactMap { event -> String? in
            if case .permitted(let key, _, _) = event.kind { key } else { nil }
        }
        #expect(Set(keys) == ["a", "b", "c", "d"])
        #expect(throws: ConfigurationError.self) {
            try SharedKeyedRateLimiter<String>("api", Self.rule, through: InMemoryRateStore(), maxKeys: 0)
        }
    }
}
