import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

@Suite("Policy families keep what would be lost", .timeLimit(.minutes(30)))
struct FamilyRetentionTests {
    private let clock = ManualClock()

    private func family<S: Strategy>(
        maxKeys: Int, @PolicyBuilder layers: () -> Layer<S>
    ) throws -> PolicyFamily<Int> {
        try PolicyFamily("hosts", maxKeys: maxKeys, idleLimit: .seconds(60), clock: clock, layers: layers)
    }

    /// Whether a key keeps its policy while others come, and while it is idle.
    private func isKept(_ key: Int, in hosts: PolicyFamily<Int>, idle: Duration = .seconds(61)) async throws -> Bool {
        let before = hosts.policy(for: key)?.layers.compactMap(\.identity)
        for other in 1000..<1200 { _ = try? await hosts.execute(for: other) {} }
        clock.advance(by: idle)
        hosts.removeIdle()
        return before != nil && hosts.policy(for: key)?.layers.compactMap(\.identity) == before
    }

    @Test("failures that are counted are kept: the fifth in a row opens, whatever other keys came between")
    func failures() async throws {
        let hosts = try family(maxKeys: 4) {
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(5), breakLength: .fixed(.seconds(10))))
        }
        await fail(hosts[0], times: 4)
        #expect(try await isKept(0, in: hosts))
        await fail(hosts[0], times: 1)
        #expect(hosts[0].circuitBreakers[0].state == .open)
    }

    @Test("failures of a window of time are kept as long as the window holds them")
    func failuresInTime() async throws {
        let hosts = try family(maxKeys: 4) {
            CircuitBreaker.layer(
                .init(trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(600), buckets: 10)))
        }
        await fail(hosts[0], times: 2)
        #expect(try await isKept(0, in: hosts))
        #expect(try await !isKept(0, in: hosts, idle: .seconds(700)))
    }

    @Test("a call that runs keeps its policy, also where no layer counts it; and so does one that was kept by hand")
    func running() async throws {
        let hosts = try family(maxKeys: 2) { Retry.layer(.immediate, maxAttempts: 1) }
        let isKeptWhileRunning = try await hosts.execute(for: 0) { () async throws -> Bool in
            try await isKept(0, in: hosts)
        }
        #expect(isKeptWhileRunning)
        let kept = hosts[1]
        try await kept.execute {}
        clock.advance(by: .seconds(50))
        try await kept.execute {}
        hosts.removeIdle()
        clock.advance(by: .seconds(50))
        hosts.removeIdle()
        #expect(hosts.policy(for: 1) != nil)
        clock.advance(by: .seconds(60))
        hosts.removeIdle()
        #expect(hosts.policy(for: 1) == nil)
    }

    @Test("a half-open breaker and one set by hand are kept")
    func states() async throws {
        let hosts = try family(maxKeys: 4) { CircuitBreaker.layer(.init(breakLength: .fixed(.seconds(600)))) }
        let breaker = hosts[0].circuitBreakers[0]
        breaker.open()
        try breaker.halfOpen()
        #expect(try await isKept(0, in: hosts))
        for change in [{ $0.isolate() }, { $0.disable() }, { $0.observe() }] as [(CircuitBreaker) -> Void] {
            change(breaker)
            #expect(try await isKept(0, in: hosts), "\(breaker.state)")
        }
        breaker.close()
        #expect(try await !isKept(0, in: hosts))
    }

    @Test(
        "a limiter in debt is kept until its permits are back",
        arguments: [
            RateLimiter.Rule.tokenBucket(5, per: .seconds(1000)), .pacing(1, per: .seconds(1000)),
            .fixedWindow(1, per: .seconds(1000)), .slidingWindow(1, per: .seconds(1000)),
            .slidingLog(1, per: .seconds(1000)),
        ])
    func limiter(_ rule: RateLimiter.Rule) async throws {
        let hosts = try family(maxKeys: 4) { RateLimiter.layer(rule) }
        try await hosts.execute(for: 0) {}
        #expect(try await isKept(0, in: hosts))
        #expect(try await !isKept(0, in: hosts, idle: .seconds(2000)))
    }

    @Test("permits of a bulkhead that are held, and refusals that a throttle has counted, are kept")
    func bulkheadsAndThrottles() async throws {
        let hosts = try family(maxKeys: 4) { Bulkhead.layer(.init(limit: .fixed(3))) }
        let permit = try hosts[0].strategies(Bulkhead.self)[0].tryAcquirePermit()
        #expect(try await isKept(0, in: hosts))
        permit.release()
        #expect(try await !isKept(0, in: hosts))
        let throttled = try family(maxKeys: 4) { AdaptiveThrottle.layer(.init(window: .seconds(600))) }
        await fail(throttled[0], times: 3)
        _ = try? await throttled[0].execute { throw Refusal() }
        #expect(try await isKept(0, in: throttled))
    }

    private struct Refusal: OverloadError {}

    @Test("only known keys are asked for: the idle ones are forgotten all the same")
    func knownKeysSweep() async throws {
        let hosts = try family(maxKeys: 1000) { Retry.layer() }
        for key in 0..<200 { try await hosts.execute(for: key) {} }
        clock.advance(by: .seconds(61))
        for _ in 0..<10_000 { try await hosts.execute(for: 0) {} }
        #expect(hosts.members.map(\.key) == [0])
    }

    @Test("keys for which there is no place share one policy, which is told of and counted")
    func overflow() async throws {
        let recorder = EventRecorder()
        let hosts = try family(maxKeys: 3) {
            CircuitBreaker.layer(.init(trip: .consecutiveFailures(3), breakLength: .fixed(.seconds(100))))
        }
        hosts.addObserver(recorder)
        for key in 0..<3 { await fail(hosts[key], times: 1) }
        #expect(hosts.overflowPolicy == nil && recorder.events(of: PolicyFamilyEvent.self).isEmpty)
        for key in 10..<13 { await fail(hosts[key], times: 1) }
        // Three keys have failed once each, together thrice.
        let shared = try #require(hosts.overflowPolicy)
        #expect(shared.circuitBreakers[0].state == .open && shared.name == "hosts/overflow")
        await #expect(throws: CircuitBreaker.OpenError.self) { try await hosts.execute(for: 77) {} }
        #expect(hosts.overflowCount == 4 && hosts.count == 3)
        #expect(
            recorder.events(of: PolicyFamilyEvent.self).map(\.description) == [
                "policy family \"hosts\" has no place for more than 3 keys: further ones share one policy"
            ])
        // What failed once, long ago, gives way in the end to those that come now.
        clock.advance(by: .seconds(61))
        try await hosts.execute(for: 77) {}
        #expect(hosts.policy(for: 77) != nil && hosts.count == 3)
    }
}
