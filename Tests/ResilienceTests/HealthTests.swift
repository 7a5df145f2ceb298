import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Health, snapshots and metrics", .timeLimit(.minutes(30)))
struct HealthTests {
    @Test("healthy, degraded, down, and why")
    func status() async throws {
        let stage = try Stage {
            Registration("payments") { CircuitBreaker.layer() }.critical()
            Registration("search") {
                CircuitBreaker.layer()
                Bulkhead.layer(limit: 0)
            }
            Registration("spare", Bulkhead.layer(limit: 3)).critical()
        }
        let module = stage.module
        try module.bulkhead("search").resize(to: 5)
        #expect(module.health.status == .healthy && module.health.reasons.isEmpty)
        try module.circuitBreaker("search").open()
        try module.bulkhead("search").resize(to: 0)
        #expect(module.health.status == .degraded)
        #expect(
            module.health.reasons.map(\.description) == [
                "circuit breaker \"search\" is open",
                "bulkhead \"search\" lets no call through: its limit is 0",
            ])
        let payments = try module.circuitBreaker("payments")
        payments.open()
        #expect(module.health.status == .down && module.health.reasons.first?.isCritical == true)
        payments.close()
        // Half-open is no outage.
        payments.open()
        stage.clock.advance(by: .seconds(3600))
        #expect(payments.state == .halfOpen && module.health.status == .degraded)
        #expect(module.health.reasons.first?.description == "circuit breaker \"payments\" is half-open")
        payments.close()
        try module.bulkhead("spare").resize(to: 0)
        #expect(module.health.status == .down)
        await module.shutdown()
        #expect(module.health.reasons.first?.description == "resilience module \"test\" lets no call in: it is stopped")
    }

    @Test("what several policies share is a reason once, and critical if it is to one of them")
    func shared() throws {
        let shared = try CircuitBreaker("db")
        let stage = try Stage {
            Registration("a") { shared }
            Registration("b") { shared }.critical()
            Registration("db", shared)
        }
        shared.isolate()
        #expect(stage.module.health.reasons.map(\.description) == ["circuit breaker \"db\" is isolated"])
        #expect(stage.module.health.status == .down)
    }

    @Test("a throttle that rejects most calls is degraded")
    func throttle() async throws {
        let stage = try Stage { Registration("x") { AdaptiveThrottle.layer() } }
        let policy = try stage.module.policy("x")
        await fail(policy, times: 500)
        #expect(stage.module.health.status == .degraded)
        #expect(stage.module.health.reasons.first?.complaint.hasPrefix("rejects ") == true)
    }

    @Test("the snapshot holds everything with its settings, as JSON too")
    func snapshot() async throws {
        let stage = try Stage {
            Registration("payments") {
                Retry.layer(.immediate, maxAttempts: 2)
                CircuitBreaker.layer()
            }
            Registration(hedged: "search") { CircuitBreaker.layer() }
            Registration(fallback: "quotes", for: Int.self) { .value(1) }
            Registration(family: "hosts", by: Int.self, maxKeys: 5) { CircuitBreaker.layer() }
            Registration("number", 5)
        }
        await fail(try stage.module.policy("payments"), times: 1)
        let snapshot = stage.module.snapshot
        #expect(
            snapshot.policies.map { $0.layers.map(\.kind) } == [["retry", "circuit breaker"], ["circuit breaker"]])
        #expect(snapshot.policies[0].layers[0].settings?["maxAttempts"] == 2)
        #expect(snapshot.policies[0].layers[1].measurements["circuit_breaker.calls{kind=failed}"] == 2)
        #expect(snapshot.components.map(\.kind) == ["hedged policy", "fallback", "policy family", "Int"])
        #expect(snapshot.components[0].settings?["maxHedges"] == 1)
        #expect(snapshot.components[2].settings?["circuitBreaker"] != nil)
        // Written again: a whole number may come back as one that could have had decimals.
        let data = try JSON.encode(snapshot)
        #expect(try JSON.encode(JSON.decode(ResilienceModule.Snapshot.self, data)) == data)
    }

    @Test("X-22: a scrape right after registration has every state of every breaker, and all counters at 0")
    func metrics() async throws {
        let calls = CallMetrics()
        let stage = try Stage {
            Registration("payments") {
                Retry.layer(.immediate, maxAttempts: 2)
                CircuitBreaker.layer()
            }
            Registration("inventory", CircuitBreaker.layer())
            Registration(budget: "spare", .quota(7, cost: 1))
            Registration(family: "hosts", by: Int.self, maxKeys: 5) { CircuitBreaker.layer() }
            Registration(hedged: "search") { RateLimiter.layer(.tokenBucket(3, per: .seconds(1))) }
        }
        stage.module.addObserver(calls)
        func value(_ family: String, _ labels: String...) -> MetricValue? {
            MetricCollection(of: [stage.module]).samples(of: "resilience." + family).first { $0.labels == labels }?
                .value
        }
        let states = MetricCollection(of: [stage.module]).samples(of: "resilience.circuit_breaker.state")
        #expect(states.filter { $0.labels[0] == "payments" }.count == CircuitBreaker.State.allCases.count)
        #expect(
            states.filter { $0.labels[0] == "inventory" && $0.value == .integer(1) }.map { $0.labels[1] } == ["closed"])
        #expect(value("circuit_breaker.calls", "payments", "failed") == .integer(0))
        #expect(value("retry_budget.tokens", "spare") == .number(7))
        #expect(value("policy_family.keys", "hosts") == .integer(0))
        #expect(value("hedge.calls", "search", "primary") == .integer(0))
        #expect(value("module.state", "test", "idle") == .integer(1))
        #expect(value("module.state", "test", "running") == .integer(0))
        #expect(value("module.health", "test", "healthy") == .integer(1))
        #expect(value("module.calls_in_flight", "test") == .integer(0))
        #expect(value("module.configurations", "test", "applied") == .integer(1))
        #expect(value("policy.calls", "payments", "failed") == .integer(0))
        await fail(try stage.module.policy("payments"), times: 1)
        #expect(stage.faults(["x": 1]) != [])
        #expect(value("module.configurations", "test", "refused") == .integer(1))
        #expect(value("policy.calls", "payments", "failed") == .integer(1))
        // Layers that a document puts in their place are measured from then on.
        try stage.module.update(.init(["policies": ["payments": ["layers": ["timeout"]]]]))
        #expect(value("timeout.calls", "payments", "succeeded") == .integer(0))
        #expect(value("circuit_breaker.calls", "payments", "failed") == nil)
    }
}
