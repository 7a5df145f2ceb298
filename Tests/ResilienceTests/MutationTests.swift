import Resilience
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite("Random documents", .timeLimit(.minutes(30)))
struct MutationTests {
    static let good: ConfigurationValue = [
        "defaults": [
            "circuitBreaker": ["breakLength": "10s"], "retry": ["maxAttempts": 3], "hedge": ["maxHedges": 2],
            "bulkhead": ["limit": 20],
        ],
        "templates": [
            "careful": ["retry": ["maxAttempts": 2, "backoff": ["kind": "exponential", "from": "10ms"]]],
            "more": [
                "inherits": ["careful"], "circuitBreaker": ["trip": ["failureRate": 0.5]], "hedge": ["maxHedges": 1],
                "bulkhead": ["queue": ["capacity": 5, "maxWait": "1s"]],
            ],
        ],
        "retryBudgets": ["spare": ["kind": "quota", "tokens": 50, "cost": 2]],
        "circuitBreakers": ["inventory": ["inherits": "more", "window": ["calls": 50]], "new": [:]],
        "rateLimiters": ["maps": ["rule": ["kind": "tokenBucket", "permits": 10, "period": "1s"]]],
        "bulkheads": [
            "rooms": ["inherits": "more", "limit": ["windowed": ["vegas": ["maximum": 50], "window": "2s"]]],
            "hall": ["limit": 9, "partitions": ["gold": 0.5, "silver": 0.25], "partitionsBorrow": false],
        ],
        "fallbacks": [
            "quotes": [
                "exhaustion": "exhaustedError",
                "steps": ["last good": ["maxAge": "2s"], "spare": ["limit": 2, "timeout": nil]],
            ]
        ],
        "staleWhileRevalidates": ["pages": ["freshFor": "1s", "staleFor": "20s", "maxRefreshes": 2]],
        "policies": [
            "payments": [
                "inherits": "careful", "retry": ["maxDelay": "2s", "budget": "spare"], "timeout": ["1s", nil],
            ],
            "described": [
                "layers": [
                    "retry", ["circuitBreaker": ["shared": "inventory"]], ["timeout": "800ms"],
                    ["adaptiveThrottle": [:]], ["bulkhead": ["shared": "rooms"]], ["bulkhead": ["limit": 3]],
                ]
            ],
            "search": ["layers": [["retry": ["budget": ["ratio": 0.1]]], "circuitBreaker"]],
        ],
        "hedges": ["search": ["inherits": "more", "delay": "50ms"], "described": [:]],
        "families": ["hosts": ["inherits": "more", "circuitBreaker": ["halfOpen": ["probes": 3]]]],
    ]

    private func stage() throws -> Stage { try Self.makeStage() }

    static func makeStage() throws -> Stage {
        let pages = try StaleWhileRevalidate<Int>("pages", .init(freshFor: .seconds(5), staleFor: .seconds(50)))
        let stage = try Stage(good) {
            Registration("payments") {
                Timeout.layer(.seconds(5))
                Retry.layer()
                Timeout.layer(.seconds(1))
            }
            Registration("inventory", CircuitBreaker.layer())
            Registration("hall", Bulkhead.layer(limit: 5))
            Registration(fallback: "quotes", for: Int.self) {
                .lastGood(maxAge: .seconds(60))
                    .step("spare", timeout: .seconds(1)) { error in throw error }
            }
            Registration("pages", pages)
            Registration(hedged: "search") {
                Retry.layer()
                CircuitBreaker.layer()
            }
            Registration(family: "hosts", by: Int.self, maxKeys: 5) {
                Retry.layer()
                CircuitBreaker.layer()
            }
        }
        _ = try stage.module.family("hosts", by: Int.self)[1]
        return stage
    }

    @Test("mutations of a good document never crash, and one that is refused changes nothing")
    func mutations() throws {
        let stage = try stage()
        var (applied, refused) = (0, 0)
        forSeeds(seeds(10_000)) { seed, generator in
            let document = Self.good.mutated(using: &generator)
            // Comparing everything takes most of the time; what some of the refused ones show, all would.
            let before = seed.isMultiple(of: 20) ? stage.state : nil
            do throws(ConfigurationError) {
                try stage.module.update(.init(document))
                applied += 1
            } catch {
                refused += 1
                #expect(Set(error.faults).count == error.faults.count, "seed \(seed): \(error)")
                if let before { #expect(stage.state == before, "seed \(seed)") }
            }
        }
        #expect(min(applied, refused) > inputs(10_000) / 20, "\(applied) applied, \(refused) refused")
        // After all of them the good one says what it has always said.
        try stage.module.update(.init(Self.good))
        let fresh = try self.stage()
        #expect(stage.state.effective == fresh.state.effective)
        #expect(stage.state.names.sorted() == fresh.state.names.sorted())
    }

    @Test("a document of what is in force can be put in force after any that was taken")
    func effective() throws {
        let stage = try stage()
        forSeeds(seeds(1_000, from: 1_000_000)) { seed, random in
            guard (try? stage.module.update(.init(Self.good.mutated(using: &random)))) != nil else { return }
            let effective = stage.module.effectiveConfiguration
            do {
                try stage.module.update(effective)
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
            #expect(stage.module.effectiveConfiguration == effective, "seed \(seed)")
        }
    }
}
