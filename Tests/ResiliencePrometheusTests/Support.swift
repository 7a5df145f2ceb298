import Bulkheads
import CircuitBreakers
import Fallbacks
import HTTPSemantics
import Hedges
import RateLimiters
import Resilience
import ResilienceCore
import ResilienceTesting
import Retries
import Timeouts

@testable import ResiliencePrometheus

/// Adds what it is told to.
final class Source: MetricSource {
    let samples: [(family: MetricFamily, labels: [String], value: MetricValue)]

    init(_ samples: [(MetricFamily, [String], MetricValue)]) {
        self.samples = samples.map { (family: $0, labels: $1, value: $2) }
    }

    func collect(into metrics: inout MetricCollection) {
        for sample in samples { metrics.add(sample.family, sample.labels, sample.value) }
    }
}

/// One of everything that measures itself.
struct Everything {
    let clock = ManualClock()
    let calls = CallMetrics()
    let events = EventMetrics()
    let policy: Policy
    let budget: RetryBudget
    let abandoning: AbandoningPolicy
    let hedged: HedgedPolicy
    let tenants: KeyedRateLimiter<String>
    let quota: SharedRateLimiter
    let quotas: SharedKeyedRateLimiter<String>
    let fallback: FallbackPolicy<Int>
    let revalidation: StaleWhileRevalidate<Int>
    let module: ResilienceModule
    let paused: Policy
    let fleet: FleetCircuit
    let fields = UnreadableFields("api")

    init(_ name: String = "payments") throws {
        budget = try RetryBudget(.throttle())
        let budget = budget
        policy = try Policy(name, clock: clock, observers: [calls, events]) {
            Timeout.layer(.seconds(10))
            Retry.layer(.constant(.milliseconds(100)), maxAttempts: 2, budget: budget)
            RateLimiter.layer(.tokenBucket(1_000_000, per: .seconds(1)))
            AdaptiveThrottle.layer()
            CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 2)))
            Bulkhead.layer(
                .init(
                    limit: .adaptive(.windowed(.gradient2())), queue: .init(capacity: 5), partitions: ["gold": 0.5]))
            Timeout.layer(.seconds(1))
        }
        abandoning = try policy.abandoning(after: .seconds(2))
        hedged = try policy.hedged()
        tenants = try KeyedRateLimiter(
            "tenants", .pacing(1, per: .seconds(1)), clock: clock, observers: [calls, events])
        let rule = SharedQuotaRule(permits: 100, period: .seconds(1), burst: 20)
        let store = InMemoryRateStore(clock: clock)
        quota = try SharedRateLimiter("quota", rule, through: store, clock: clock, observers: [calls, events])
        quotas = try SharedKeyedRateLimiter("quotas", rule, through: store, clock: clock, observers: [calls, events])
        fallback = try policy.fallback(Int.self) {
            .lastGood(maxAge: .seconds(1)).step("replica") { _ in 1 }
        }
        revalidation = try StaleWhileRevalidate(
            name, .init(freshFor: .seconds(1), staleFor: .seconds(1)), through: policy)
        module = try ResilienceModule("shop", clock: clock, observers: [calls, events]) {
            Registration(family: "hosts", by: Int.self, maxKeys: 5) { CircuitBreaker.layer() }
        }
        paused = try Policy("api", clock: clock) { Pause.layer() }
        fleet = try FleetCircuit(CircuitBreaker("shared", clock: clock), through: InMemoryCircuitStore(clock: clock))
    }

    var sources: [any MetricSource] {
        [
            policy, budget.metrics(named: "shared"), abandoning, hedged, tenants, quota, quotas, fallback,
            revalidation, module, paused, fleet,
            fields, calls, events,
        ]
    }
}
