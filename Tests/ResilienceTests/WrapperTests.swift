import Resilience
import ResilienceTesting
import Testing

@Suite("What wraps a policy of a module stays behind its gate")
struct WrapperTests {
    private typealias ShutdownError = ResilienceModule.ShutdownError
    private enum Tenant: ContextKey { typealias Value = String }

    /// Every way to make something to call with from a policy.
    private func wrapped(_ policy: Policy) throws -> [(String, any Strategy)] {
        [
            ("itself", policy),
            ("setting", policy.setting(Tenant.self, to: "a")),
            ("idempotent", policy.idempotent(true)),
            ("both", policy.idempotent(true).setting(Tenant.self, to: "a")),
            ("accepting", policy.accepting(Int.self) { $0 > 0 }),
            ("nested", try Policy("outer") { policy.idempotent(false) }),
        ]
    }

    private func stage() throws -> Stage {
        try Stage {
            Registration("p") {
                Retry.layer()
                Bulkhead.layer(limit: 1)
            }
        }
    }

    @Test("after a shutdown neither operation nor fallback runs")
    func noFallback() async throws {
        let stage = try stage()
        let policy = try stage.module.policy("p")
        await stage.module.shutdown()
        for (way, strategy) in try wrapped(policy) {
            await #expect(throws: ShutdownError.self, "\(way)") {
                try await strategy.execute {
                    Issue.record("the operation ran: \(way)")
                } fallback: { _ in
                    Issue.record("the fallback ran: \(way)")
                }
            }
        }
    }

    @Test("a hedge, a fallback and an abandoning limit with values set are behind it too, and keep what they are")
    func forms() async throws {
        let stage = try stage()
        let policy = try stage.module.policy("p").setting(Tenant.self, to: "a")
        let hedged = try policy.hedged().idempotent(true).accepting(Int.self) { $0 > 0 }
        let covered = try policy.fallback(Int.self) { .value(7) }.setting(Tenant.self, to: "b")
        let abandoning = try policy.abandoning(after: .seconds(1)).setting(Tenant.self, to: "c")
        #expect(try await hedged.execute { context in context[Tenant.self] == "a" ? 1 : 0 } == 1)
        #expect(try await covered.execute { context in context[Tenant.self] == "b" ? 1 : 0 } == 1)
        #expect(try await abandoning.execute { context in context[Tenant.self] == "c" ? 1 : 0 } == 1)
        #expect(hedged.hedge.totals.primaryWins == 1)
        await stage.module.shutdown()
        await #expect(throws: ShutdownError.self) { try await hedged.execute { 1 } }
        await #expect(throws: ShutdownError.self) { try await covered.execute { 1 } }
        await #expect(throws: ShutdownError.self) { try await abandoning.execute { 1 } }
    }

    @Test("what is made with another value shares the state")
    func shared() async throws {
        let policy = try Policy("p") { Retry.layer(maxAttempts: 1) }
        let hedged = try policy.hedged()
        _ = try await hedged.setting(Tenant.self, to: "a").execute { 1 }
        _ = try await hedged.idempotent(true).execute { 1 }
        #expect(hedged.hedge.totals.primaryWins == 2)
        let covered = try policy.fallback(Int.self) { .value(7) }
        _ = try await covered.setting(Tenant.self, to: "a").execute { throw InjectedFailure() }
        #expect(covered.fallback.totals.served == 1)
    }
}
