import Resilience
import ResiliencePrometheus

/// What stands between the caller and one of the two upstreams: a module that holds one policy, and the last good
/// answers.
struct Protection: Sendable {
    typealias Response = UpstreamClient.Response

    /// How many orders there are to ask for: as many last good answers are kept.
    static let orderCount = 8

    let module: ResilienceModule
    let policy: KeyedFallbackPolicy<Int, Response>
    let retry: Retry
    let breaker: CircuitBreaker
    let limiter: RateLimiter
    let bulkhead: Bulkhead
    let timeout: Timeout
    /// Counts and times the calls for the page of metrics.
    let calls = CallMetrics()

    init(_ scenario: Scenario, seed: UInt64, observers: [any PolicyObserver] = []) throws {
        // Retries may add a fifth to the load; in a bad hour they must not double it.
        let budget = try RetryBudget(.ratio(0.2, minimumPerSecond: 2))
        retry = try Retry(
            "upstream",
            .init(
                backoff: .exponential(from: .milliseconds(20)), maxAttempts: 3, maxDelay: .milliseconds(200),
                // A refused call is answered by the last good answer, not sooner or later by another try.
                handles: .except(
                    CircuitBreaker.OpenError.self, RateLimiter.RejectedError.self, Bulkhead.RejectedError.self),
                budget: budget),
            random: .seeded(seed))
        breaker = try CircuitBreaker(
            "upstream",
            .init(
                trip: .any(.failureRate(0.5, minimumCalls: 10), .slowCallRate(0.5, minimumCalls: 10)),
                // A window of time would have to be longer than the slowest answer: a result counts when its call
                // began.
                window: .calls(20),
                // Longer than the wait in the bulkhead's queue and an answer of an overloaded upstream together.
                slowCallDuration: .milliseconds(350),
                breakLength: .growing(
                    from: scenario.shortestBreak, factor: 2, upTo: scenario.longestBreak, jitter: .ratio(0.1)),
                halfOpen: .init(probes: 3, verdict: .all, maxWait: .seconds(1))),
            random: .seeded(seed))
        // A little more than the usual traffic, and than what the upstream manages at its slowest allowed.
        limiter = try RateLimiter("upstream", .tokenBucket(100, per: .seconds(1), burst: 20))
        // As many as the upstream works on at once, and a short queue to keep them busy.
        bulkhead = try Bulkhead(
            "upstream", .init(limit: .fixed(8), queue: .init(capacity: 8, maxWait: .milliseconds(150))))
        timeout = try Timeout("attempt", .milliseconds(500))
        let lastGood = try KeyedFallback<Int, Response>("orders") {
            .lastGood(maxAge: .seconds(15), maxKeys: Self.orderCount)
        }
        module = try ResilienceModule(
            "demo",
            options: .init(
                firstUse: .refuses, gracePeriod: .seconds(2), cancellationPeriod: .seconds(1)),
            random: .seeded(seed), observers: observers + [calls]
        ) { [retry, breaker, limiter, bulkhead, timeout] in
            Registration("upstream") {
                retry
                breaker
                limiter
                bulkhead
                timeout
            }
            Registration("orders", lastGood)
        }
        policy = try module.policy("upstream").fallback(to: lastGood)
    }

    /// What the page of metrics shows.
    var metrics: PrometheusExporter { PrometheusExporter([retry, breaker, limiter, bulkhead, timeout, calls]) }
}

extension Protection {
    /// What the layers did.
    struct Totals: Sendable, Equatable {
        /// Attempts beyond the first of each call.
        var retries = 0
        /// Calls that succeeded at a later attempt.
        var savedByRetry = 0
        /// Calls that were not retried because the budget was spent.
        var refusedByBudget = 0
        /// Attempts that were cut off.
        var timeouts = 0
        /// Attempts that were refused, by layer.
        var refusedByBreaker = 0
        var refusedByLimiter = 0
        var refusedByBulkhead = 0
        /// Attempts that waited for a slot of the bulkhead and got it.
        var queued = 0

        /// What was done since an earlier moment.
        func since(_ earlier: Totals) -> Totals {
            Totals(
                retries: retries - earlier.retries, savedByRetry: savedByRetry - earlier.savedByRetry,
                refusedByBudget: refusedByBudget - earlier.refusedByBudget, timeouts: timeouts - earlier.timeouts,
                refusedByBreaker: refusedByBreaker - earlier.refusedByBreaker,
                refusedByLimiter: refusedByLimiter - earlier.refusedByLimiter,
                refusedByBulkhead: refusedByBulkhead - earlier.refusedByBulkhead, queued: queued - earlier.queued)
        }
    }

    var totals: Totals {
        let (bulkhead, retry, timeout) = (bulkhead.totals, retry.totals, timeout.totals)
        return Totals(
            retries: retry.retries, savedByRetry: retry.succeededWithRetry, refusedByBudget: retry.refusedByBudget,
            timeouts: timeout.exceeded + timeout.late, refusedByBreaker: breaker.totals.rejected,
            refusedByLimiter: limiter.totals.rejected, refusedByBulkhead: bulkhead.rejected,
            queued: bulkhead.waited)
    }

    /// How the layers stand at one moment.
    struct Gauges: Sendable, Equatable {
        var breaker = CircuitBreaker.State.closed
        /// Slots of the bulkhead that calls hold, all that there are, and calls that wait for one.
        var slotsInUse = 0
        var slots = 0
        var queued = 0
        /// Permits of the limiter that are there, and the most there can be.
        var permits = 0
        var mostPermits = 0
    }

    var gauges: Gauges {
        Gauges(
            breaker: breaker.state, slotsInUse: bulkhead.inUse, slots: bulkhead.limit, queued: bulkhead.waiting,
            permits: limiter.available, mostPermits: limiter.configuration.rule.burst)
    }
}
