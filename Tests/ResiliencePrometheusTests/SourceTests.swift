import CircuitBreakers
import Hedges
import ResilienceCore
import ResilienceTesting
import Retries
import Testing
import Timeouts

@testable import ResiliencePrometheus

@Suite("What is measured")
struct SourceTests {
    struct Failure: Error {}

    private func lines(_ sources: [any MetricSource], _ naming: PrometheusExporter.Naming = .neutral) -> Set<String> {
        Set(
            PrometheusExporter(sources, naming: naming).page().description.split(separator: "\n").map(String.init)
                .filter { !$0.hasPrefix("#") })
    }

    @Test("X-22: everything is there, at zero, right after it was made")
    func beforeFirstCall() throws {
        let everything = try Everything()
        let lines = lines(everything.sources)
        for state in ["open", "half_open", "isolated", "disabled", "observing"] {
            #expect(lines.contains(#"resilience_circuit_breaker_state{name="payments",state="\#(state)"} 0"#))
        }
        #expect(lines.contains(#"resilience_circuit_breaker_state{name="payments",state="closed"} 1"#))
        for kind in ["succeeded", "failed", "ignored", "cancelled", "rejected"] {
            #expect(lines.contains(#"resilience_circuit_breaker_calls_total{name="payments",kind="\#(kind)"} 0"#))
        }
        #expect(lines.contains(#"resilience_circuit_breaker_failure_rate{name="payments"} NaN"#))
        #expect(lines.contains(#"resilience_circuit_breaker_slow_call_rate{name="payments"} NaN"#))
        #expect(lines.contains(#"resilience_retry_budget_tokens{name="shared"} 10.0"#))
        for outcome in ["succeeded", "failed", "rejected", "cancelled"] {
            #expect(lines.contains(#"resilience_policy_calls_total{name="payments",kind="\#(outcome)"} 0"#))
        }
        #expect(lines.contains(#"resilience_adaptive_limit{name="payments"} 20"#))
        #expect(lines.contains(#"resilience_adaptive_min_rtt_seconds{name="payments"} NaN"#))
        #expect(
            lines.contains(#"resilience_bulkhead_partition_guaranteed{name="payments",partition="gold"} 10"#))
        #expect(
            lines.contains(
                #"resilience_fallback_step_calls_total{name="payments",step="replica",kind="failed"} 0"#))
        // Save for what is a state, a balance or a bound, all is zero.
        // The module has told that it was made.
        let others = lines.filter { !$0.hasPrefix("resilience_events") }.filter {
            !$0.hasSuffix(" 0") && !$0.hasSuffix(" 0.0")
        }.map { $0.prefix { $0 != "{" } }
        #expect(
            others.sorted() == [
                "resilience_adaptive_limit", "resilience_adaptive_min_rtt_seconds",
                "resilience_bulkhead_available_concurrent_calls", "resilience_bulkhead_max_allowed_concurrent_calls",
                "resilience_bulkhead_partition_guaranteed", "resilience_bulkhead_queue_capacity",
                "resilience_circuit_breaker_failure_rate", "resilience_circuit_breaker_failure_rate",
                "resilience_circuit_breaker_slow_call_rate", "resilience_circuit_breaker_slow_call_rate",
                "resilience_circuit_breaker_state", "resilience_fleet_circuit_state",
                "resilience_keyed_rate_limiter_max_keys",
                "resilience_module_configurations_total", "resilience_module_health", "resilience_module_state",
                "resilience_policy_family_max_keys", "resilience_rate_limiter_available_permissions",
                "resilience_retry_budget_tokens",
                "resilience_shared_rate_limiter_max_keys",
            ])
    }

    @Test("two timeouts of one policy stay apart")
    func twoTimeouts() throws {
        let lines = lines(try Everything().sources)
        #expect(lines.contains(#"resilience_timeout_running{name="payments"} 0"#))
        #expect(lines.contains(#"resilience_timeout_running{name="payments#2"} 0"#))
        #expect(!lines.contains { $0.contains("payments#3") })
    }

    @Test("a breaker tells its calls, state, rates and changes of state")
    func breaker() async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let breaker = try CircuitBreaker(
            "b",
            .init(
                trip: .failureRate(0.6, minimumCalls: 3), slowCallDuration: .seconds(5),
                breakLength: .fixed(.seconds(10))), clock: clock, observers: [calls])
        try await breaker.execute { clock.advance(by: .seconds(6)) }
        try? await breaker.execute {
            clock.advance(by: .seconds(1)); throw Failure()
        }
        try? await inCancelledTask { try await breaker.execute { throw CancellationError() } }
        var now = lines([breaker, calls])
        #expect(now.contains(#"resilience_circuit_breaker_failure_rate{name="b"} NaN"#))
        #expect(now.contains(#"resilience_circuit_breaker_buffered_calls{name="b",kind="succeeded"} 1"#))
        #expect(now.contains(#"resilience_circuit_breaker_buffered_calls{name="b",kind="failed"} 1"#))
        #expect(now.contains(#"resilience_circuit_breaker_slow_calls{name="b"} 1"#))
        #expect(now.contains(#"resilience_circuit_breaker_calls_total{name="b",kind="cancelled"} 1"#))

        try await breaker.execute {}
        try await breaker.execute {}
        #expect(lines([breaker]).contains(#"resilience_circuit_breaker_failure_rate{name="b"} 0.25"#))
        #expect(lines([breaker]).contains(#"resilience_circuit_breaker_slow_call_rate{name="b"} 0.25"#))

        for _ in 1...4 { try? await breaker.execute { throw Failure() } }
        #expect(breaker.state == .open)
        for _ in 1...7 { try? await breaker.execute {} }
        now = lines([breaker, calls])
        #expect(now.contains(#"resilience_circuit_breaker_calls_total{name="b",kind="rejected"} 7"#))
        #expect(now.contains(#"resilience_circuit_breaker_calls_total{name="b",kind="failed"} 5"#))
        #expect(now.contains(#"resilience_circuit_breaker_calls_total{name="b",kind="succeeded"} 3"#))
        #expect(now.contains(#"resilience_circuit_breaker_state{name="b",state="open"} 1"#))
        #expect(now.contains(#"resilience_circuit_breaker_state{name="b",state="closed"} 0"#))
        #expect(now.contains(#"resilience_circuit_breaker_transitions_total{name="b",from="closed",to="open"} 1"#))
        #expect(now.contains(#"resilience_circuit_breaker_transitions_total{name="b",from="open",to="half_open"} 0"#))
        // Rejections have no duration, nor have calls that were cancelled or ignored.
        #expect(now.contains(#"resilience_circuit_breaker_call_duration_seconds_count{name="b",kind="failed"} 5"#))
        #expect(now.contains(#"resilience_circuit_breaker_call_duration_seconds_sum{name="b",kind="failed"} 1.0"#))
        #expect(now.contains(#"resilience_circuit_breaker_call_duration_seconds_count{name="b",kind="succeeded"} 3"#))
        #expect(now.contains(#"resilience_circuit_breaker_call_duration_seconds_sum{name="b",kind="succeeded"} 6.0"#))
        #expect(
            !now.contains { $0.contains("call_duration") && ($0.contains("cancelled") || $0.contains("permitted")) })

        clock.advance(by: .seconds(10))
        #expect(breaker.state == .halfOpen)
        breaker.isolate()
        now = lines([breaker])
        #expect(now.contains(#"resilience_circuit_breaker_transitions_total{name="b",from="open",to="half_open"} 1"#))
        #expect(
            now.contains(#"resilience_circuit_breaker_transitions_total{name="b",from="half_open",to="isolated"} 1"#))
        #expect(now.contains(#"resilience_circuit_breaker_state{name="b",state="isolated"} 1"#))
        #expect(now.filter { $0.hasPrefix("resilience_circuit_breaker_state") && $0.hasSuffix(" 1") }.count == 1)
    }

    @Test("a breaker is measured from the call that follows", arguments: [false, true])
    func breakerMeasuredLater(alsoObserved: Bool) async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let breaker = try CircuitBreaker("b", clock: clock, observers: alsoObserved ? [EventRecorder()] : [])
        try await breaker.execute {
            clock.advance(by: .seconds(1))
            breaker.addObserver(calls)
        }
        try await breaker.execute { clock.advance(by: .seconds(2)) }
        let count = alsoObserved ? 2 : 1
        #expect(
            lines([calls]).contains(
                #"resilience_circuit_breaker_call_duration_seconds_count{name="b",kind="succeeded"} \#(count)"#))
        // An observed breaker has timed the first call as well.
        let sum = alsoObserved ? "3.0" : "2.0"
        #expect(
            lines([calls]).contains(
                #"resilience_circuit_breaker_call_duration_seconds_sum{name="b",kind="succeeded"} \#(sum)"#))
        #expect(breaker.totals.succeeded == 2)
    }

    @Test("metrics that count calls only have nothing to tell of a breaker, and cost it no clock")
    func breakerCounted() async throws {
        let calls = CallMetrics(buckets: nil)
        let breaker = try CircuitBreaker("b", observers: [calls])
        try await breaker.execute {}
        #expect(lines([calls]).isEmpty)
    }

    @Test("a retry tells its calls, attempts and delays")
    func retry() async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let retry = try Retry(
            "r", .init(backoff: .constant(.milliseconds(40)), maxAttempts: 3), clock: clock, observers: [calls])
        let operation = ScriptedOperation<Int>(
            clock: clock, [.success(1), .failure(InjectedFailure()), .failure(InjectedFailure()), .success(2)])
        _ = try await retry.execute { try await operation() }
        let call = Task { try await retry.execute { try await operation() } }
        for attempts in 2...3 {
            try await operation.waitForCalls(attempts)
            try await clock.waitForSleepers(1)
            clock.advance(by: .milliseconds(40))
        }
        #expect(try await call.value == 2)
        let lines = lines([retry, calls])
        #expect(lines.contains(#"resilience_retry_calls_total{name="r",kind="succeeded_without_retry"} 1"#))
        #expect(lines.contains(#"resilience_retry_calls_total{name="r",kind="succeeded_with_retry"} 1"#))
        #expect(lines.contains(#"resilience_retry_attempts_total{name="r"} 4"#))
        #expect(lines.contains(#"resilience_retry_delay_seconds_count{name="r"} 2"#))
        #expect(lines.contains(#"resilience_retry_delay_seconds_sum{name="r"} 0.08"#))
        #expect(lines.contains(#"resilience_retry_delay_seconds_bucket{name="r",le="0.025"} 0"#))
        #expect(lines.contains(#"resilience_retry_delay_seconds_bucket{name="r",le="0.05"} 2"#))
    }

    @Test("a retry's delays are measured from when it is observed on")
    func retryMeasuredLater() async throws {
        struct Failure: Error {}
        let calls = CallMetrics()
        let retry = try Retry("r", .init(backoff: .constant(.zero), maxAttempts: 3))
        try? await retry.execute { throw Failure() }
        retry.addObserver(calls)
        try? await retry.execute { throw Failure() }
        #expect(lines([calls]).contains(#"resilience_retry_delay_seconds_count{name="r"} 2"#))
    }

    @Test("ignored and cancelled calls of a breaker have no duration")
    func noDuration() async throws {
        let calls = CallMetrics()
        let breaker = try CircuitBreaker("b", .init(ignores: .all), observers: [calls])
        try? await breaker.execute { throw Failure() }
        try? await inCancelledTask { try await breaker.execute { throw CancellationError() } }
        #expect(lines([calls]).filter { $0.contains("_count{") }.allSatisfy { $0.hasSuffix(" 0") })
        #expect(breaker.totals.ignored == 1 && breaker.totals.cancelled == 1)
    }

    @Test("a budget tells its tokens")
    func budget() throws {
        let budget = try RetryBudget(.quota(15, cost: 14))
        #expect(budget.tryWithdraw() && !budget.tryWithdraw())
        let lines = lines([budget.metrics(named: "q")])
        #expect(lines.contains(#"resilience_retry_budget_tokens{name="q"} 1.0"#))
        #expect(lines.contains(#"resilience_retry_budget_withdrawals_total{name="q",kind="granted"} 1"#))
        #expect(lines.contains(#"resilience_retry_budget_withdrawals_total{name="q",kind="refused"} 1"#))
    }

    @Test("a timeout tells its calls")
    func timeout() async throws {
        let clock = ManualClock()
        let timeout = try Timeout("t", .seconds(2), clock: clock)
        try await timeout.execute {}
        try? await timeout.execute { throw Failure() }
        try await timeout.execute { clock.advance(by: .seconds(3)) }
        try? await timeout.execute {
            clock.advance(by: .seconds(3))
            throw Failure()
        }
        let lines = lines([timeout])
        for (kind, count) in [("succeeded", 1), ("failed", 1), ("late", 1), ("exceeded", 1), ("rejected", 0)] {
            #expect(lines.contains(#"resilience_timeout_calls_total{name="t",kind="\#(kind)"} \#(count)"#))
        }
    }

    @Test("a hedge tells its calls")
    func hedge() async throws {
        let hedge = try Hedge("h")
        _ = try await hedge.execute { 1 }
        let lines = lines([hedge])
        #expect(lines.contains(#"resilience_hedge_calls_total{name="h",kind="primary"} 1"#))
        #expect(lines.contains(#"resilience_hedge_calls_total{name="h",kind="hedge"} 0"#))
        #expect(lines.contains(#"resilience_hedge_hedges_total{name="h",trigger="delay"} 0"#))
        #expect(lines.contains(#"resilience_hedge_lost_total{name="h"} 0"#))
    }

    @Test("layers under a condition and nested policies are measured, shared ones once")
    func composed() throws {
        let shared = try CircuitBreaker("shared")
        let isCareful = true
        let inner = try Policy("inner") { shared }
        let outer = try Policy("outer") {
            if isCareful { Retry.layer() }
            if !isCareful { Timeout.layer(.seconds(1)) } else { CircuitBreaker.layer("own") }
            inner
        }
        let lines = lines([inner, outer, shared])
        #expect(lines.filter { $0.hasPrefix("resilience_circuit_breaker_slow_calls") }.count == 2)
        #expect(lines.contains(#"resilience_retry_attempts_total{name="outer"} 0"#))
        #expect(!lines.contains { $0.hasPrefix("resilience_timeout") })
    }
}
