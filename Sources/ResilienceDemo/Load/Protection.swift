import CircuitBreakers
import ResilienceCore
import Retries
import Timeouts

/// What stands between the caller and one of the two upstreams. Further patterns become further layers.
struct Protection: Sendable {
    /// What the layers did, when the run is over.
    struct Totals: Sendable, Equatable {
        /// Attempts beyond the first of each call.
        var retries = 0
        /// Calls that succeeded at a later attempt.
        var savedByRetry = 0
        /// Calls that were not retried because the budget was spent.
        var budgetExhausted = 0
        /// Attempts that were cut off.
        var timeouts = 0
    }

    let policy: Policy
    let breaker: CircuitBreaker
    let retry: Retry
    let timeout: Timeout

    init(_ scenario: Scenario, seed: UInt64, observers: [any PolicyObserver] = []) throws {
        // Retries may add a fifth to the load; in a bad hour they must not double it.
        let budget = try RetryBudget(.ratio(0.2, minimumPerSecond: 2))
        retry = try Retry(
            "upstream",
            .init(
                backoff: .exponential(from: .milliseconds(20)), maxAttempts: 3, maxDelay: .milliseconds(200),
                budget: budget),
            random: .seeded(seed))
        breaker = try CircuitBreaker(
            "upstream",
            .init(
                trip: .any(.failureRate(0.5, minimumCalls: 10), .slowCallRate(0.5, minimumCalls: 10)),
                // A window of time would have to be longer than the slowest answer: a result counts when its call began.
                window: .calls(30),
                slowCallDuration: .milliseconds(250),
                breakLength: .growing(
                    from: scenario.shortestBreak, factor: 2, upTo: scenario.longestBreak, jitter: 0.1),
                halfOpen: .init(probes: 3, verdict: .all, maxWait: .seconds(1))),
            random: .seeded(seed))
        timeout = try Timeout(.milliseconds(500), name: "attempt")
        policy = try Policy("upstream", observers: observers) { [retry, breaker, timeout] in
            retry
            breaker
            timeout
        }
    }

    var totals: Totals {
        Totals(
            retries: retry.totals.retries, savedByRetry: retry.totals.succeededWithRetry,
            budgetExhausted: retry.totals.budgetExhausted,
            timeouts: timeout.totals.exceeded + timeout.totals.late)
    }
}
