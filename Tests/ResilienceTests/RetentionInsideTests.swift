import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

/// What a family keeps, where the layer that knows it is wrapped, nested, or of another pattern.
@Suite("Policy families keep what would be lost, however deep it lies", .timeLimit(.minutes(30)))
struct RetentionInsideTests {
    private let clock = ManualClock()

    private static let tight = CircuitBreaker.Configuration(
        trip: .consecutiveFailures(5), breakLength: .fixed(.seconds(600)))

    private enum Tag: ContextKey { typealias Value = Int }

    private func family<S: Strategy>(@PolicyBuilder layers: () -> Layer<S>) throws -> PolicyFamily<Int> {
        try PolicyFamily("hosts", maxKeys: 4, idleLimit: .seconds(60), clock: clock, layers: layers)
    }

    /// A member is kept while others come, and while it is idle: what it knows tells.
    private func isKept<Knowledge: Equatable>(
        _ hosts: PolicyFamily<Int>, _ knowledge: (Policy) -> Knowledge
    ) async throws -> Bool {
        let before = knowledge(hosts[0])
        for other in 1000..<1200 { _ = try? await hosts.execute(for: other) {} }
        clock.advance(by: .seconds(61))
        hosts.removeIdle()
        return knowledge(hosts[0]) == before
    }

    @Test("a breaker in a policy in a policy, under a wrapper, or a nested layer", arguments: 0..<3)
    func nestedBreaker(way: Int) async throws {
        let hosts: PolicyFamily<Int>
        switch way {
        case 0:
            hosts = try family {
                nested { environment throws(ConfigurationError) in
                    try CircuitBreaker.layer(Self.tight).build(in: environment)
                }
            }
        case 1:
            hosts = try family {
                nested { environment throws(ConfigurationError) in
                    try CircuitBreaker.layer(Self.tight).build(in: environment).setting(Tag.self, to: 1)
                }
            }
        default:
            hosts = try family {
                nested { environment throws(ConfigurationError) in
                    try Policy(environment: environment, layer: CircuitBreaker.layer(Self.tight))
                        .setting(Tag.self, to: 1)
                }
            }
        }
        for _ in 0..<4 { _ = try? await hosts.execute(for: 0) { throw InjectedFailure() } }
        for other in 1000..<1200 { _ = try? await hosts.execute(for: other) {} }
        clock.advance(by: .seconds(61))
        hosts.removeIdle()
        _ = try? await hosts.execute(for: 0) { throw InjectedFailure() }
        await #expect(throws: CircuitBreaker.OpenError.self) { try await hosts.execute(for: 0) {} }
    }

    @Test("a limiter in debt, of every rule", arguments: 0..<5)
    func limiters(rule: Int) async throws {
        let rules: [RateLimiter.Rule] = [
            .tokenBucket(1, per: .seconds(3_600)), .slidingLog(1, per: .seconds(3_600)),
            .fixedWindow(1, per: .seconds(3_600)), .slidingWindow(1, per: .seconds(3_600)),
            .pacing(1, per: .seconds(3_600)),
        ]
        let hosts = try family { RateLimiter.layer(rules[rule]) }
        try await hosts.execute(for: 0) {}
        for other in 1000..<1200 { _ = try? await hosts.execute(for: other) {} }
        clock.advance(by: .seconds(61))
        hosts.removeIdle()
        await #expect(throws: RateLimiter.RejectedError.self) { try await hosts.execute(for: 0) {} }
    }

    @Test("a budget that a document describes in a retry of the family is as used up for a key that comes back")
    func budgets() async throws {
        let module = try ResilienceModule(
            "m",
            configuration: .init([
                "families": ["hosts": ["retry": ["budget": ["kind": "quota", "tokens": 3, "cost": 1]]]]
            ]), clock: clock
        ) {
            Registration(family: "hosts", by: Int.self, maxKeys: 4, idleLimit: .seconds(60)) {
                Retry.layer(.immediate, maxAttempts: 2)
            }
        }
        let hosts = try module.family("hosts", by: Int.self)
        for _ in 0..<3 { _ = try? await hosts.execute(for: 0) { throw InjectedFailure() } }
        func granted() -> Int? {
            (hosts[0].strategies(Retry.self).first?.configuration.budget as? RetryBudget)?.totals.granted
        }
        #expect(granted() == 3)
        for other in 1000..<1200 { try await hosts.execute(for: other) {} }
        #expect(granted() == 3)
        // Another place is better than none.
        clock.advance(by: .seconds(61))
        for other in 1000..<1003 { _ = try? await hosts.execute(for: other) { throw InjectedFailure() } }
        try await hosts.execute(for: 1003) {}
        #expect(hosts.overflowPolicy == nil)
    }

    @Test("a partition's slots, and a call that waits for one")
    func slots() async throws {
        let hosts = try family {
            Bulkhead.layer(.init(limit: .fixed(1), queue: .init(capacity: 5, maxWait: nil)))
        }
        let policy = hosts[0]
        let begun = Waiter<Void>()
        let end = Waiter<Void>()
        let call = Task {
            try await policy.execute {
                begun.finish()
                try await end.value()
            }
        }
        try await begun.value()
        #expect(try await isKept(hosts) { $0.strategies(Bulkhead.self).first?.inUse })
        end.finish()
        try await call.value
    }
}

/// A layer of the user's that is built in one piece.
private func nested<S: Strategy>(
    _ make: @escaping @Sendable (PolicyEnvironment) throws(ConfigurationError) -> S
) -> Layer<S> { Layer(make) }
