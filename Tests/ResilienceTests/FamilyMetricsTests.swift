import ResilienceCore
import ResiliencePrometheus
import ResilienceTesting
import TestSupport
import Testing

@testable import Resilience

@Suite("Metrics of policy families", .timeLimit(.minutes(30)))
struct FamilyMetricsTests {
    private let clock = ManualClock()
    private let calls = CallMetrics()

    private func module(maxKeys: Int = 1000) throws -> ResilienceModule {
        try ResilienceModule("shop", clock: clock, random: .constant(0.5), observers: [calls]) {
            Registration(family: "hosts", by: Int.self, maxKeys: maxKeys, idleLimit: .seconds(60)) {
                Bulkhead.layer(.init(limit: .fixed(5)))
                Retry.layer(.immediate, maxAttempts: 2)
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(4), breakLength: .fixed(.seconds(600))))
                Retry.layer(.immediate, maxAttempts: 1)
            }
        }
    }

    private func value(_ module: ResilienceModule, _ family: String, _ labels: [String]) -> Double? {
        var metrics = MetricCollection()
        metrics.collect(module)
        return metrics.samples(of: family).first { $0.labels == labels }?.value.number
    }

    private func lines(_ module: ResilienceModule) -> Int {
        PrometheusExporter([module]).page().description.split(separator: "\n").count
    }

    @Test("500 keys make no more lines than one, and no key is in any of them")
    func cardinality() async throws {
        let module = try module()
        let hosts = try module.family("hosts", by: Int.self)
        let before = lines(module)
        for key in 0..<500 { try await hosts.execute(for: 777_000 + key) {} }
        #expect(lines(module) == before)
        #expect(!PrometheusExporter([module]).page().description.contains("777"))
        #expect(value(module, "resilience.policy_family.keys", ["hosts"]) == 500)
        #expect(value(module, "resilience.policy.calls", ["hosts", "succeeded"]) == 500)
        #expect(value(module, "resilience.policy.call_duration", ["hosts", "succeeded"]) == 500)
        #expect(value(module, "resilience.circuit_breaker.calls", ["hosts", "succeeded"]) == 500)
        #expect(value(module, "resilience.circuit_breaker.call_duration", ["hosts", "succeeded"]) == 500)
        #expect(value(module, "resilience.bulkhead.max_allowed_concurrent_calls", ["hosts"]) == 2500)
    }

    @Test("layers of one name stay apart, and shared ones are told once")
    func layers() async throws {
        let database = try Bulkhead("database", .init(limit: .fixed(7)), clock: clock)
        let module = try module()
        try module.register(
            Registration(family: "tenants", by: String.self, maxKeys: 10) {
                Timeout.layer(.seconds(1))
                database
            })
        let hosts = try module.family("hosts", by: Int.self)
        let tenants = try module.family("tenants", by: String.self)
        for key in 0..<3 { await fail(hosts[key], times: 1) }
        for key in ["a", "b", "c"] { try await tenants.execute(for: key) {} }
        #expect(value(module, "resilience.retry.attempts", ["hosts"]) == 6)
        #expect(value(module, "resilience.retry.attempts", ["hosts#2"]) == 6)
        #expect(value(module, "resilience.bulkhead.max_allowed_concurrent_calls", ["database"]) == 7)
        #expect(value(module, "resilience.bulkhead.calls", ["database", "finished"]) == 3)
        #expect(value(module, "resilience.timeout.calls", ["tenants", "succeeded"]) == 3)
    }

    @Test("the alerts can fire: states are how many breakers are in them, and openings are counted for good")
    func states() async throws {
        let module = try module()
        let hosts = try module.family("hosts", by: Int.self)
        for key in 0..<3 { await fail(hosts[key], times: 2) }
        try await hosts.execute(for: 9) {}
        #expect(value(module, "resilience.circuit_breaker.state", ["hosts", "open"]) == 3)
        #expect(value(module, "resilience.circuit_breaker.state", ["hosts", "closed"]) == 1)
        #expect(value(module, "resilience.circuit_breaker.transitions", ["hosts", "closed", "open"]) == 3)
        #expect(value(module, "resilience.policy_family.open_keys", ["hosts"]) == 3)
        #expect(value(module, "resilience.policy.calls", ["hosts", "failed"]) == 6)
        #expect(
            module.health.reasons.map(\.description) == [
                "policy family \"hosts\" has an open circuit breaker for 3 of 4 keys"
            ])
    }

    @Test(
        "totals never fall: not when keys are forgotten, nor displaced, nor while somebody uses a policy that is gone")
    func monotonous() async throws {
        try await forSeeds(seeds(20)) { seed, random in
            let module = try module(maxKeys: 5)
            let hosts = try module.family("hosts", by: Int.self)
            var kept: [Policy] = []
            var last: [[String]: Double] = [:]
            var sum = 0
            for step in 0..<300 {
                let key = Int.random(in: 0..<12, using: &random)
                switch Int.random(in: 0..<10, using: &random) {
                case 0: clock.advance(by: .seconds(40))
                case 1: hosts.removeIdle()
                case 2: kept.append(hosts[key])
                case 3: kept.removeAll()
                case 4:
                    sum += 1
                    await fail(kept.last ?? hosts[key], times: 1)
                default:
                    sum += 1
                    _ = try? await hosts.execute(for: key) {}
                }
                var metrics = MetricCollection()
                metrics.collect(module)
                var total = 0.0
                for entry in metrics.entries where entry.family.kind != .gauge {
                    for sample in entry.samples {
                        let value = sample.value.number ?? 0
                        let place = [entry.family.name] + sample.labels
                        #expect(value >= last[place] ?? 0, "\(place), seed \(seed), step \(step)")
                        last[place] = value
                        if entry.family.name == "resilience.policy.calls" { total += value }
                    }
                }
                #expect(total == Double(sum), "seed \(seed), step \(step)")
            }
        }
    }

    @Test("events have the family's name, errors that of the key")
    func names() async throws {
        let recorder = EventRecorder()
        let module = try module()
        module.addObserver(recorder)
        let hosts = try module.family("hosts", by: Int.self)
        await fail(hosts[4711], times: 3)
        #expect(Set(recorder.events.filter { !($0 is ResilienceModule.Event) }.map(\.source)) == ["hosts"])
        #expect(hosts[4711].name == "hosts/4711")
        let run = await hosts.run(for: 4711) { 1 }
        #expect(run.policyName == "hosts/4711")
    }

    @Test("what single keys do is told by the family, those in trouble first")
    func busiest() async throws {
        let module = try module()
        let hosts = try module.family("hosts", by: Int.self)
        for key in 0..<20 { for _ in 0..<key { try await hosts.execute(for: key) {} } }
        await fail(hosts[3], times: 2)
        await fail(hosts[5], times: 1)
        #expect(hosts.busiest(4).map(\.key) == [3, 5, 19, 18])
        let status = try #require(hosts.status(of: 3))
        #expect(status.calls == 5 && status.failures == 2 && status.running == 0)
        #expect(status.description == "3: 5 calls, 2 failed, 0 running; circuit breaker is open")
        #expect(hosts.policy(for: 99) == nil && hosts.status(of: 99) == nil && hosts.count == 19)
    }

    @Test("health: half-open members count, and a critical family is down when none of its keys can work")
    func health() async throws {
        let module = try ResilienceModule("shop", clock: clock) {
            Registration(family: "hosts", by: Int.self, maxKeys: 10) {
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(10))))
            }
            .critical()
        }
        let hosts = try module.family("hosts", by: Int.self)
        await fail(hosts[1], times: 1)
        #expect(module.health.status == .down)
        try await hosts.execute(for: 2) {}
        #expect(module.health.status == .degraded)
        clock.advance(by: .seconds(10))
        #expect(
            module.health.reasons.map(\.description) == [
                "policy family \"hosts\" has a half-open circuit breaker for 1 of 2 keys"
            ])
        for _ in 0..<3 { try await hosts.execute(for: 1) {} }
        #expect(module.health.status == .healthy)
    }

    @Test("a family with a fallback is registered in one piece, and answers in every form")
    func fallback() async throws {
        let module = try ResilienceModule("shop", clock: clock, observers: [calls]) {
            Registration(family: "hosts", by: String.self, maxKeys: 10, for: Int.self) {
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(1)))
            } fallback: {
                .lastGood(maxAge: .seconds(60)).value(-1)
            }
        }
        let hosts = try module.fallbackFamily("hosts", for: Int.self, by: String.self)
        #expect(try await hosts.execute(for: "a") { 7 } == 7)
        #expect(try await hosts.execute(for: "a") { throw InjectedFailure() } == 7)
        #expect(try await hosts.execute(for: "b") { _ in throw InjectedFailure() } == -1)
        let served = await hosts.run(for: "c") { throw InjectedFailure() }
        #expect(served.isServedByFallback)
        #expect(try module.family("hosts", by: String.self) === hosts.family)
        #expect(try module.fallback("hosts", for: Int.self, by: String.self) === hosts.fallback)
        #expect(value(module, "resilience.fallback.calls", ["hosts", "served"]) == 3)
        #expect(value(module, "resilience.policy.calls", ["hosts", "failed"]) == 3)
        let family = hosts.family
        #expect(
            try await family.execute(for: "d") {
                throw InjectedFailure()
            } fallback: { _ in
                4
            } == 4)
        #expect(try await family.execute(for: "e") { context in context.attempt } == 1)
        let run = await family.run(for: "f") {
            throw InjectedFailure()
        } fallback: { _ in
            5
        }
        #expect(try run.get() == 5 && run.isServedByFallback)
        await module.shutdown()
        await #expect(throws: ResilienceModule.ShutdownError.self) { try await hosts.execute(for: "a") { 1 } }
    }
}
