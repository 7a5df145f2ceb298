import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Module: metrics")
struct ModuleMetricTests {
    private func names(_ sources: [any MetricSource]) -> Set<String> {
        Set(MetricCollection(of: sources).entries.flatMap { $0.samples.map { $0.labels[0] } })
    }

    private func calls(_ sources: [any MetricSource], _ name: String) -> MetricValue? {
        MetricCollection(of: sources).samples(of: "resilience.policy.calls")
            .first { $0.labels == [name, "succeeded"] }?.value
    }

    @Test("calls are counted once, however many count them and by whichever way they are shown")
    func once() async throws {
        let (first, second) = (CallMetrics(), CallMetrics(buckets: nil))
        let module = try ResilienceModule("shop", clock: ManualClock(), observers: [first]) {
            Registration("payments") {
                Retry.layer(maxAttempts: 2)
                RateLimiter.layer(.tokenBucket(10, per: .seconds(1)))
                CircuitBreaker.layer()
                Bulkhead.layer(.init(limit: .fixed(3)))
            }
            Registration(hedged: "search") { CircuitBreaker.layer() }
            Registration("quote", for: Int.self) {
                CircuitBreaker.layer()
            } fallback: {
                .value(1)
            }
            Registration(budget: "spare", .quota(7, cost: 1))
        }
        module.addObserver(second)
        try await module.execute("payments") {}
        let policy = try module.policy("payments")
        let budget = try module.retryBudget("spare").metrics(named: "another name")
        let ways: [[any MetricSource]] = [
            [module], [module, first, second], [first, second, module], [module, policy, budget, module],
            [policy, first, module, second], [ModuleMetrics(module), module, ModuleMetrics(module)],
        ]
        for (way, sources) in ways.enumerated() {
            #expect(names(sources) == ["shop", "payments", "search", "quote", "spare"], "way \(way)")
            #expect(calls(sources, "payments") == .integer(1), "way \(way)")
        }
    }

    @Test("a policy that is registered in two modules is one")
    func twoModules() async throws {
        let policy = try Policy("payments", clock: ManualClock()) { CircuitBreaker.layer() }
        let all = [CallMetrics(), CallMetrics()]
        let modules = try zip(["a", "b"], all).map { name, calls in
            try ResilienceModule(name, clock: ManualClock(), observers: [calls]) { Registration("payments", policy) }
        }
        for module in modules { try await module.execute("payments") {} }
        #expect(names(modules) == ["a", "b", "payments"])
        #expect(calls(modules, "payments") == .integer(2))
    }

    @Test("two modules whose policies have one name stay apart, each with its own calls and breakers")
    func sameName() async throws {
        let calls = CallMetrics()
        let modules = try ["a", "b"].map { name in
            try ResilienceModule(name, clock: ManualClock(), observers: [calls]) {
                Registration("payments") { CircuitBreaker.layer() }
            }
        }
        for module in modules.suffix(1) { try await module.execute("payments") {} }
        for (order, name) in [(modules, "payments#2"), (modules.reversed(), "payments")] {
            let metrics = MetricCollection(of: order)
            for family in ["policy", "circuit_breaker"] {
                let busy = metrics.samples(of: "resilience.\(family).calls").filter { $0.value == .integer(1) }
                #expect(busy.map(\.labels) == [[name, "succeeded"]])
            }
        }
    }
}
