import CircuitBreakers
package import ResilienceCore
import Retries
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
    let nested = try Policy("nested") {
        built
        if breaker.state == .closed { breaker }
        retry
        fluent
    }
    return try tracedPolicies() + [
        ("breaker", breaker), ("retry", retry), ("timeout", timeout), ("limited", limited), ("built", built),
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
