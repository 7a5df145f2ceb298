import CircuitBreakers
import ResilienceCore

/// What stands between the caller and one of the two upstreams. Further patterns become further layers.
struct Protection: Sendable {
    let policy: Policy
    let breaker: CircuitBreaker

    init(_ scenario: Scenario, seed: UInt64, observers: [any PolicyObserver] = []) throws {
        let breaker = try CircuitBreaker(
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
        self.breaker = breaker
        policy = try Policy("upstream", observers: observers) { breaker }
    }
}
