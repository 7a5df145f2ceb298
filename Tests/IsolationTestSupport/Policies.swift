import Bulkheads
import CircuitBreakers
import Fallbacks
import RateLimiters
import Resilience
package import ResilienceCore
import Retries
import Synchronization
import Timeouts

#if Tracing
    import InMemoryTracing
    import ResilienceTracing
#endif

/// A strategy that runs the rest again after a failure, once.
package struct SecondChance: Strategy {
    package init() {}

    package nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        do {
            try await next(context)
        } catch {
            await hopAway()
            var context = context
            context.attempt += 1
            try await next(context)
        }
    }
}

/// A bulkhead in which each call waits: its only slot is taken, and given back once the call is in line.
package struct Queueing: Strategy {
    private final class Holder: PolicyObserver, Sendable {
        private let permit: Mutex<Bulkhead.Permit?>

        init(_ bulkhead: Bulkhead) throws {
            permit = Mutex(try bulkhead.tryAcquirePermit())
        }

        func observe(_ event: some PolicyEvent) {
            guard event.name == "bulkhead.queued" else { return }
            Task { permit.withLock { $0.take() }?.release() }
        }
    }

    package init() {}

    package nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let bulkhead = try Bulkhead("line", .init(limit: .fixed(1), queue: .init(capacity: 1, maxWait: nil)))
        bulkhead.addObserver(try Holder(bulkhead))
        try await bulkhead.execute(context, next)
    }
}

/// A fallback whose only step, which leaves the caller's actor in between, does not help.
package struct Unhelpful: Strategy {
    private let fallback: Fallback<Int>

    package init(timeout: Duration?) throws {
        fallback = try Fallback("unhelpful") {
            .step("fails", timeout: timeout) { error in
                await hopAway()
                throw error
            }
        }
    }

    package nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        _ = try await fallback.execute(within: context) { context in
            try await next(context)
            return 0
        }
    }
}

/// Everything that runs a user's closure, by name: each strategy alone, and chains of them in every form.
package func policiesUnderTest() throws -> [(name: String, strategy: any Strategy)] {
    // These calls fail on purpose; the breakers are not to open.
    let patient = CircuitBreaker.Configuration(trip: .consecutiveFailures(.max))
    let timed = CircuitBreaker.Configuration(
        trip: .consecutiveFailures(.max), window: .time(.seconds(1)), slowCallDuration: .seconds(1))
    let breaker = try CircuitBreaker("alone", patient)
    let retry = try Retry(.immediate, maxAttempts: 2)
    let budgeted = Retry.Configuration(
        backoff: .immediate, maxAttempts: 2, maxDuration: .seconds(3600), budget: try RetryBudget(.quota()))
    let built = try Policy("built") {
        SecondChance()
        CircuitBreaker.layer(patient)
        SecondChance()
        Timeout.layer(.seconds(3600))
        CircuitBreaker.layer(timed)
        Retry.layer(budgeted)
    }
    let timeout = try Timeout(.seconds(3600))
    let limited = try Policy("limited") {
        timeout
        SecondChance()
        Timeout.layer(.seconds(3600))
    }
    let fluent = try Policy.pipeline("fluent").circuitBreaker(patient).strategy(SecondChance())
        .circuitBreaker(timed).retry(.immediate, maxAttempts: 2).build()
    let bulkhead = try Bulkhead("free", limit: 8)
    let adaptive = try Bulkhead(
        "adaptive", .init(limit: .adaptive(.aimd()), queue: .init(capacity: 8), partitions: ["gold": 0.5]))
    let unhelpful = try Unhelpful(timeout: .seconds(3600))
    let nested = try Policy("nested") {
        built
        Queueing()
        Bulkhead.layer(limit: 8)
        unhelpful
        if breaker.state == .closed { breaker }
        retry
        fluent
    }
    return try tracedPolicies() + limiters() + managedPolicies(patient) + [
        ("bulkhead", bulkhead), ("adaptive", adaptive), ("partition", adaptive.partition("gold")),
        ("queueing", Queueing()), ("fallback", try Unhelpful(timeout: nil)),
        ("fallback with timeout", unhelpful), ("breaker", breaker), ("retry", retry),
        ("timeout", timeout), ("limited", limited), ("built", built),
        ("fluent", fluent), ("nested", nested),
        ("accepting", nested.accepting(Bool.self) { _ in true }),
    ]
}

#if Tracing
    /// Spans around calls and attempts, by a tracer that keeps them.
    private func tracedPolicies() throws -> [(name: String, strategy: any Strategy)] {
        let spans = Trace.Configuration(tracer: InMemoryTracer())
        let traced = try Policy("traced") {
            Trace.layer(spans)
            SecondChance()
            Trace.layer("attempt", spans)
            Timeout.layer(.seconds(3600))
            Trace.layer("inside", spans)
        }
        return [("trace", Trace("trace", spans)), ("without a tracer", Trace("trace")), ("traced", traced)]
    }
#else
    private func tracedPolicies() throws -> [(name: String, strategy: any Strategy)] { [] }
#endif

/// Limiters and throttles that permit every call.
private func limiters() throws -> [(name: String, strategy: any Strategy)] {
    // More than these calls ever take.
    let ample = RateLimiter.Rule.tokenBucket(1_000_000, per: .seconds(1))
    let keyed = try KeyedRateLimiter<Int>("keyed", ample)
    // Calls that follow each other wait, and come back from there.
    // Nobody runs them, so that they decide alone: the first call waits until that is known.
    let patience = Duration.seconds(3600)
    let quota = SharedQuotaRule(permits: 1_000_000, period: .seconds(1), burst: 1_000_000)
    let store = InMemoryRateStore()
    let shared = try SharedRateLimiter(
        "shared", .init(rule: quota, maxWait: patience, whenUnavailable: .local(share: 1)), through: store)
    let exact = try SharedRateLimiter(
        "exact", .init(rule: quota, mode: .exact, maxWait: patience, whenUnavailable: .open), through: store)
    let sharedKeyed = try SharedKeyedRateLimiter<Int>(
        "shared keyed", .init(rule: quota, maxWait: patience, whenUnavailable: .open), through: store)
    let paced = try RateLimiter("paced", .pacing(1000, per: .seconds(1)), maxWait: .seconds(3600))
    return [
        ("limiter", try RateLimiter("ample", ample)), ("paced", paced), ("key", keyed[1]),
        ("shared limiter", shared), ("exact limiter", exact), ("shared key", sharedKeyed[1]),
        ("keyed", keyed.by { _ in 2 }),
        ("throttle", try AdaptiveThrottle("calm", .init(maxRejection: 0))),
    ]
}

/// Policies of a module: as code declares one, as a document does, and one of a family.
private func managedPolicies(
    _ patient: CircuitBreaker.Configuration
) throws -> [(name: String, strategy: any Strategy)] {
    let module = try ResilienceModule {
        Registration("managed") {
            SecondChance()
            Timeout.layer(.seconds(3600))
            CircuitBreaker.layer(patient)
            Retry.layer(.immediate, maxAttempts: 2)
        }
        Registration(family: "family", by: Int.self, maxKeys: 1) {
            CircuitBreaker.layer(patient)
            SecondChance()
        }
    }
    try module.update(
        .init([
            "policies": [
                "listed": [
                    "layers": [
                        ["timeout": "1h"], ["circuitBreaker": ["trip": ["consecutiveFailures": 1_000_000]]],
                        ["retry": ["backoff": "0s", "maxAttempts": 2]],
                    ]
                ]
            ]
        ]))
    return [
        ("managed", try module.policy("managed")), ("listed", try module.policy("listed")),
        ("family", try module.family("family", by: Int.self)[1]),
    ]
}
