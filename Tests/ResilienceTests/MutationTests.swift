import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Random documents", .timeLimit(.minutes(10)))
struct MutationTests {
    private static let good: ConfigurationValue = [
        "defaults": ["circuitBreaker": ["breakLength": "10s"], "retry": ["maxAttempts": 3], "hedge": ["maxHedges": 2]],
        "templates": [
            "careful": ["retry": ["maxAttempts": 2, "backoff": ["kind": "exponential", "from": "10ms"]]],
            "more": [
                "inherits": ["careful"], "circuitBreaker": ["trip": ["failureRate": 0.5]], "hedge": ["maxHedges": 1],
            ],
        ],
        "retryBudgets": ["spare": ["kind": "quota", "tokens": 50, "cost": 2]],
        "circuitBreakers": ["inventory": ["inherits": "more", "window": ["calls": 50]], "new": [:]],
        "rateLimiters": ["maps": ["rule": ["kind": "tokenBucket", "limit": 10, "period": "1s"]]],
        "policies": [
            "payments": [
                "inherits": "careful", "retry": ["maxDelay": "2s", "budget": "spare"], "timeout": ["1s", nil],
            ],
            "described": [
                "layers": [
                    "retry", ["circuitBreaker": ["shared": "inventory"]], ["timeout": "800ms"],
                    ["adaptiveThrottle": [:]],
                ]
            ],
            "search": ["layers": [["retry": ["budget": ["ratio": 0.1]]], "circuitBreaker"]],
        ],
        "hedges": ["search": ["inherits": "more", "delay": "50ms"], "described": [:]],
        "families": ["hosts": ["inherits": "more", "circuitBreaker": ["halfOpen": ["probes": 3]]]],
    ]

    private func fixture() throws -> Fixture {
        let fixture = try Fixture(Self.good) {
            Registration("payments") {
                Timeout.layer(.seconds(5))
                Retry.layer()
                Timeout.layer(.seconds(1))
            }
            Registration("inventory", CircuitBreaker.layer())
            Registration(hedged: "search") {
                Retry.layer()
                CircuitBreaker.layer()
            }
            Registration(family: "hosts", by: Int.self, atMost: 5) {
                Retry.layer()
                CircuitBreaker.layer()
            }
        }
        _ = try fixture.module.family("hosts", by: Int.self)[1]
        return fixture
    }

    @Test("10 000 mutations of a good document never crash, and one that is refused changes nothing")
    func mutations() throws {
        let fixture = try fixture()
        var (applied, refused) = (0, 0)
        for seed in UInt64(0)..<10_000 {
            var generator = SplitMix64(seed: seed)
            let document = Self.good.mutated(using: &generator)
            // Comparing everything takes most of the time; what some of the refused ones show, all would.
            let before = seed.isMultiple(of: 20) ? fixture.state : nil
            do {
                try fixture.module.update(.init(document))
                applied += 1
            } catch {
                refused += 1
                #expect(Set(error.faults).count == error.faults.count, "seed \(seed): \(error)")
                if let before { #expect(fixture.state == before, "seed \(seed)") }
            }
        }
        #expect(applied > 1000 && refused > 1000, "\(applied) applied, \(refused) refused")
        // After all of them the good one says what it has always said.
        try fixture.module.update(.init(Self.good))
        let fresh = try self.fixture()
        #expect(fixture.state.effective == fresh.state.effective)
        #expect(fixture.state.names.sorted() == fresh.state.names.sorted())
    }

    @Test("a document of what is in force can be put in force after any that was taken")
    func effective() throws {
        let fixture = try fixture()
        for seed in UInt64(0)..<500 {
            var generator = SplitMix64(seed: seed &+ 1_000_000)
            guard (try? fixture.module.update(.init(Self.good.mutated(using: &generator)))) != nil else { continue }
            let effective = fixture.module.effectiveConfiguration
            do {
                try fixture.module.update(effective)
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
            #expect(fixture.module.effectiveConfiguration == effective, "seed \(seed)")
        }
    }
}
