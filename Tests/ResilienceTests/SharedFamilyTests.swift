import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

@Suite("What a fleet shares in families", .timeLimit(.minutes(30)))
struct SharedFamilyTests {
    private static let rule = SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 10_000)

    @Test("a limiter that all members have runs with the module, by key or not, and ends with it")
    func running() async throws {
        // It stands still, so that no wait is too long on a busy machine.
        let clock = ManualClock()
        let store = InMemoryRateStore(clock: clock)
        let tenants = try SharedKeyedRateLimiter<String>("tenants", Self.rule, through: store, clock: clock)
        let partner = try SharedRateLimiter("partner", Self.rule, through: store, clock: clock)
        let module = try ResilienceModule("m") {
            Registration(family: "f", by: String.self, maxKeys: 3) {
                tenants.by { _ in "acme" }
                partner
            }
        }
        let run = Task { try await module.run() }
        try await tenants.acquire(for: "acme")
        try await partner.acquire()
        for totals in [tenants.totals, partner.totals] { #expect(totals.leased > 0 && totals.withoutStore == 0) }
        run.cancel()
        _ = await run.result
        try await tenants.acquire(for: "acme")
        try await partner.acquire()
        for totals in [tenants.totals, partner.totals] { #expect(totals.withoutStore == 1) }
    }

    @Test("circuits of a family are refused with a reason that leads somewhere")
    func circuits() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try ResilienceModule("m") {
                Registration(family: "f", by: Int.self, maxKeys: 3) { CircuitBreaker.layer() }
                    .shared(through: InMemoryCircuitStore())
            }
        }
        #expect(
            error?.faults.map(\.description) == [
                "f.shared: a policy family shares no circuits: its members have breakers of their own"
            ])
    }
}
