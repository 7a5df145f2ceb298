import Bulkheads
import CircuitBreakers
import Fallbacks
import RateLimiters
import ResilienceCore
import ResilienceTesting
import Retries
import Testing
import Timeouts

@testable import ResiliencePrometheus

/// One thing that is measured has one series, however many look at it and by whatever way; two things never share one.
@Suite("One series for one thing")
struct OneSeriesTests {
    private func names(_ sources: [any MetricSource], _ family: String? = nil) -> Set<String> {
        let entries = MetricCollection(of: sources).entries.filter { family == nil || $0.family.name == family }
        return Set(entries.flatMap { $0.samples.map { $0.labels[0] } })
    }

    private func value(_ metrics: MetricCollection, _ family: String, _ labels: [String]) -> MetricValue? {
        metrics.samples(of: family).first { $0.labels == labels }?.value
    }

    /// Something of every pattern that measures durations, under one name, with these observers.
    private func everything(_ observers: [any PolicyObserver]) throws -> [any MetricSource] {
        let policy = try Policy("a", observers: observers) {
            Retry.layer(maxAttempts: 2)
            RateLimiter.layer(.tokenBucket(10, per: .seconds(1)))
            CircuitBreaker.layer()
            Bulkhead.layer(.init(limit: .fixed(3)))
        }
        let fallback = try Fallback<Int>("a", observers: observers) {
            .step("first") { _ in 1 }
                .step("second") { _ in 2 }
        }
        let tenants = try KeyedRateLimiter<Int>("a", .pacing(1, per: .seconds(1)), observers: observers)
        return [policy, fallback, tenants]
    }

    @Test("two collections of calls that observe one thing are one", arguments: [false, true], [false, true])
    func twoCallMetrics(firstIsTimed: Bool, secondIsTimed: Bool) throws {
        let all = [firstIsTimed, secondIsTimed].map { CallMetrics(buckets: $0 ? .standard : nil) }
        let things = try everything(all)
        for sources in [things + all, all + things, [all[0]] + things + [all[1]]] {
            #expect(names(sources) == ["a"])
        }
        // Those that have durations give them.
        let metrics = MetricCollection(of: things + all)
        #expect(metrics.samples(of: "resilience.policy.calls").count == 4)
        #expect(metrics.samples(of: "resilience.policy.call_duration").count == (firstIsTimed || secondIsTimed ? 2 : 0))
        withExtendedLifetime(things) {}
    }

    @Test("of two that count the same, the one that is collected first is shown, and durations agree with calls")
    func firstWins() async throws {
        let (clock, first, second) = (ManualClock(), CallMetrics(), CallMetrics())
        let policy = try Policy("a", clock: clock, observers: [first]) { CircuitBreaker.layer() }
        for count in 1...5 {
            if count == 3 { policy.addObserver(second) }
            try await policy.execute { clock.advance(by: .seconds(1)) }
        }
        for (order, expected) in [([first, second], 5), ([second, first], 3)] {
            let metrics = MetricCollection(of: [policy] + order)
            #expect(value(metrics, "resilience.policy.calls", ["a", "succeeded"]) == .integer(expected))
            let durations = value(metrics, "resilience.policy.call_duration", ["a", "succeeded"])
            guard case .histogram(let snapshot) = durations else {
                Issue.record("no durations")
                continue
            }
            #expect(snapshot.count == expected && snapshot.sum == .seconds(expected))
        }
    }

    @Test("the steps of one fallback are under its one name")
    func steps() throws {
        let calls = CallMetrics()
        let things = try everything([calls])
        let metrics = MetricCollection(of: things + [calls])
        let samples = metrics.samples(of: "resilience.fallback.step_duration").map(\.labels)
        #expect(samples == [["a", "first"], ["a", "second"]])
    }

    @Test("copies, wrappers and other names of one thing are one")
    func copies() throws {
        let calls = CallMetrics()
        let budget = try RetryBudget(.throttle())
        let policy = try Policy("a", observers: [calls]) { Retry.layer(maxAttempts: 2, budget: budget) }
        let abandoning = try policy.abandoning(after: .seconds(1))
        let copy = abandoning
        let stricter = policy.accepting(Int.self) { $0 > 0 }
        let sources: [any MetricSource] = [
            policy, stricter, policy, abandoning, copy, calls, calls, budget.metrics(named: "a"),
            budget.metrics(named: "a"), budget.metrics(named: "b"),
        ]
        #expect(names(sources) == ["a"])
    }

    @Test("a breaker that two policies share is one, whatever measures its calls")
    func sharedBreaker() async throws {
        let all = [CallMetrics(), CallMetrics()]
        let breaker = try CircuitBreaker("host", observers: [all[0]])
        let policies = try zip(["a", "b"], all).map { name, calls in
            let policy = try Policy(name) { breaker }
            policy.addObserver(calls)
            return policy
        }
        for policy in policies { try await policy.execute {} }
        let sources: [any MetricSource] = policies + all
        #expect(names(sources) == ["a", "b", "host"])
        let metrics = MetricCollection(of: sources)
        #expect(value(metrics, "resilience.circuit_breaker.calls", ["host", "succeeded"]) == .integer(2))
    }

    @Test(
        "two things of one name stay apart, and each has the same name in all its families", arguments: [false, true])
    func sameName(isReversed: Bool) async throws {
        let calls = CallMetrics()
        let policies = try (1...3).map { number in
            try Policy("a", observers: [calls]) {
                CircuitBreaker.layer()
                Retry.layer(maxAttempts: 1)
                // Only the second has partitions, and only the third learns its limit.
                Bulkhead.layer(
                    .init(
                        limit: number == 3 ? .adaptive(.vegas()) : .fixed(number * 10),
                        partitions: number == 2 ? ["gold": 0.5] : [:]))
            }
        }
        for (number, policy) in policies.enumerated() {
            for _ in 0...number { try await policy.execute {} }
        }
        // The order of the exporter decides, and not that in which they were made.
        let order = isReversed ? [2, 1, 0] : [0, 1, 2]
        for calls in [[calls] + order.map { policies[$0] }, order.map { policies[$0] } + [calls]]
            as [[any MetricSource]]
        {
            let metrics = MetricCollection(of: calls)
            for (place, index) in order.enumerated() {
                let name = place == 0 ? "a" : "a#\(place + 1)"
                let count = index + 1
                for family in ["policy.calls", "circuit_breaker.calls"] {
                    let found = value(metrics, "resilience." + family, [name, "succeeded"])
                    #expect(found == .integer(count), "\(family) of \(name)")
                }
                for family in ["policy.call_duration", "circuit_breaker.call_duration"] {
                    guard case .histogram(let snapshot) = value(metrics, "resilience." + family, [name, "succeeded"])
                    else {
                        Issue.record("\(family) of \(name) is missing")
                        continue
                    }
                    #expect(snapshot.count == count, "\(family) of \(name)")
                }
                let guaranteed = value(metrics, "resilience.bulkhead.partition_guaranteed", [name, "gold"])
                #expect((guaranteed != nil) == (index == 1), "\(name)")
                #expect((value(metrics, "resilience.adaptive.limit", [name]) != nil) == (index == 2), "\(name)")
            }
        }
    }

    @Test("a policy that is not measured takes a name too, so that its layers and those of another are not mixed up")
    func unmeasured() async throws {
        let calls = CallMetrics()
        let unmeasured = try Policy("a") { CircuitBreaker.layer() }
        let measured = try Policy("a", observers: [calls]) { CircuitBreaker.layer() }
        for sources in [[unmeasured, measured, calls], [calls, unmeasured, measured]] as [[any MetricSource]] {
            #expect(names(sources, "resilience.policy.calls") == ["a#2"])
            #expect(names(sources, "resilience.circuit_breaker.call_duration") == ["a#2"])
            #expect(names(sources, "resilience.circuit_breaker.state") == ["a", "a#2"])
        }
    }

    @Test("what is measured of things that come and go leaves no trace in others")
    func comingAndGoing() throws {
        let (first, second) = (CallMetrics(), CallMetrics())
        for _ in 1...50 {
            var things: [any MetricSource] = try everything([first, second])
            #expect(names(things + [first, second]) == ["a"])
            things = []
            #expect(names([first, second]).isEmpty)
        }
    }
}
