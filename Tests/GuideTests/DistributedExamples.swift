import HTTPSemantics
import Resilience
import ResilienceStoreTesting
import ResilienceTesting
import Testing

@Suite("Guides/Distributed.md", .timeLimit(.minutes(30)))
struct DistributedExamples {
    private let partner = Partner()
    private let clock = ManualClock()

    @Test("the circuit of a breaker")
    func circuit() async throws {
        let store = InMemoryCircuitStore()
        let breaker = try CircuitBreaker("payments")
        let circuit = try FleetCircuit(
            breaker, through: store,
            .init(rule: .init(trip: .failureRate(0.5, minimumCalls: 100), window: .seconds(10))))
        let sharing = Task { try await circuit.run() }

        #expect(circuit.name == "payments" && circuit.breaker === breaker)
        sharing.cancel()
        try await sharing.value
    }

    @Test("by hand")
    func byHand() async throws {
        let store = InMemoryCircuitStore(clock: clock)
        let breaker = try CircuitBreaker("payments", clock: clock)
        let circuit = try FleetCircuit(breaker, through: store)
        let others = try FleetCircuit(CircuitBreaker("payments", clock: clock), through: store)

        try await circuit.open(for: .seconds(60))
        try await circuit.close()
        #expect(circuit.totals.opened == 1 && circuit.shared.phase == .closed)
        try await others.open(for: .seconds(60))
        #expect(others.breaker.state == .open && breaker.state == .closed)
    }

    @Test("in a module, and by its document")
    func module() async throws {
        let store = InMemoryCircuitStore()
        let resilience = try ResilienceModule("shop") {
            Registration("payments") {
                Retry.layer()
                CircuitBreaker.layer()
            }.shared(through: store)
        }
        try resilience.update(.init(["fleetCircuits": ["payments": ["minNodes": 3]]]))
        #expect(try resilience.fleetCircuit("payments").configuration.rule.minNodes == 3)
    }

    @Test("a quota of the fleet")
    func limits() async throws {
        let store = InMemoryRateStore()
        let question = "?"
        try await untilPermitted {
            let limiter = try SharedRateLimiter(
                "partner-api", .init(permits: 10_000, period: .seconds(1), burst: 1_000), through: store)
            let exchange = Task { try await limiter.run() }
            let answer = try await limiter.execute { try await partner.ask(question) }
            #expect(answer == "?!")
            exchange.cancel()
            try await exchange.value
        }
    }

    @Test("another rule for a limiter in use, in code and by a document")
    func anotherRule() throws {
        let store = InMemoryRateStore()
        let rule = SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 1_000)
        let limiter = try SharedRateLimiter("partner-api", rule, through: store)
        var settings = limiter.settings
        settings.rule.permits = 20_000
        try limiter.update(settings)

        #expect(limiter.rule.permits == 20_000)
        let resilience = try ResilienceModule("shop") { Registration("partner-api", limiter) }
        try resilience.update(.init(["sharedRateLimiters": ["partner-api": ["rule": ["burst": 5_000]]]]))
        #expect(limiter.rule == SharedQuotaRule(permits: 20_000, period: .seconds(1), burst: 5_000))
    }

    @Test("a quota for each key")
    func keys() async throws {
        let store = InMemoryRateStore()
        let request = "?"
        func handle(_ request: String) async throws { #expect(request == "?") }
        try await untilPermitted {
            let tenants = try SharedKeyedRateLimiter<String>(
                "tenants", .init(permits: 100, period: .seconds(1), burst: 50), through: store)
            let exchange = Task { try await tenants.run() }
            try await tenants.execute(for: "acme") { try await handle(request) }
            #expect(tenants.totals.calls.permitted == 1)
            exchange.cancel()
            try await exchange.value
        }
    }

    @Test("pauses, and a retry budget")
    func pausesAndBudgets() async throws {
        do {
            let store = InMemoryPauseStore()
            let pauses = try SharedPauses(through: store)
            var configuration = HTTPPipeline.Configuration()
            configuration.sharedPauses = pauses
            let pipeline = try HTTPPipeline("api", configuration)
            let sharing = Task { try await pauses.run() }
            #expect(pipeline.name == "api")
            sharing.cancel()
            _ = await sharing.result
        }
        let store = InMemoryBudgetStore()
        let budget = try RetryBudget(.throttle())
        let shared = try SharedRetryBudget("search", budget, through: store)
        let sharing = Task { try await shared.run() }
        #expect(shared.name == "search")
        sharing.cancel()
        _ = await sharing.result
    }

    @Test("checking a store of your own")
    func conformance() async throws {
        let store = InMemoryCircuitStore(clock: clock)
        let violations = await CircuitStoreConformance(store) { clock.advance(by: $0) }.violations()
        #expect(violations.isEmpty)
    }
}

/// Repeats what is rejected because the machine is busy, and a permit did not come in time.
private func untilPermitted(_ body: () async throws -> Void) async throws {
    while true {
        do { return try await body() } catch is any PolicyRejection { await Task.yield() }
    }
}

private struct Partner: Sendable {
    func ask(_ question: String) async throws -> String { question + "!" }
}
