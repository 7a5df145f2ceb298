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

        try await circuit.open(for: .seconds(60))
        #expect(breaker.state == .open)
        try await circuit.close()
        #expect(breaker.state == .closed)

        try await circuit.open(for: .seconds(60))
        try await circuit.close()
        #expect(circuit.totals.opened == 2)
        sharing.cancel()
        try await sharing.value
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
        let limiter = try SharedRateLimiter(
            "partner-api", .init(permits: 10_000, period: .seconds(1), burst: 1_000), through: store)
        let exchange = Task { try await limiter.run() }
        let answer = try await limiter.execute { try await partner.ask(question) }
        #expect(answer == "?!")
        exchange.cancel()
        try await exchange.value
    }

    @Test("a quota for each key")
    func keys() async throws {
        let store = InMemoryRateStore()
        let request = "?"
        func handle(_ request: String) async throws { #expect(request == "?") }
        let tenants = try SharedKeyedRateLimiter<String>(
            "tenants", .init(permits: 100, period: .seconds(1), burst: 50), through: store)
        let exchange = Task { try await tenants.run() }
        try await tenants.execute(for: "acme") { try await handle(request) }
        #expect(tenants.totals.calls.permitted == 1)
        exchange.cancel()
        try await exchange.value
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
        let store = InMemoryCircuitStore()
        let clock = ContinuousClock()
        let violations = await CircuitStoreConformance(store) { try await clock.sleep(for: $0) }.violations()
        #expect(violations.isEmpty)
    }
}

private struct Partner: Sendable {
    func ask(_ question: String) async throws -> String { question + "!" }
}
