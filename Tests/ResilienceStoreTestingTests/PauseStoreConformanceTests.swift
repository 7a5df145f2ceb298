import ResilienceCore
import ResilienceStoreTesting
import Testing

@Suite("Conformance: stores of pauses and budgets")
struct PauseStoreConformanceTests {
    @Test("the stores in memory conform")
    func conform() async throws {
        let clock = JumpingClock()
        #expect(
            try await PauseStoreConformance(InMemoryPauseStore(clock: clock.manual), clock: clock).violations() == [])
        #expect(try await BudgetStoreConformance(InMemoryBudgetStore()).violations() == [])
    }

    @Test("stores that break a rule are found")
    func broken() async throws {
        struct Forgetful: PauseStore {
            func pause(_ service: String, for delay: Duration) async throws -> Duration { max(.zero, delay) }
            func pauses(onPause: @escaping @Sendable (String, Duration) -> Void) async throws {}
        }
        struct Endless: PauseStore {
            let inner = InMemoryPauseStore()
            func pause(_ service: String, for delay: Duration) async throws -> Duration {
                try await inner.pause("all", for: delay)
            }
            func pauses(onPause: @escaping @Sendable (String, Duration) -> Void) async throws {}
        }
        struct Unbounded: BudgetStore {
            func exchange(_ report: BudgetReport) async throws -> Int64 {
                report.known.addingReportingOverflow(report.change).partialValue
            }
        }
        let clock = JumpingClock()
        #expect(try await !PauseStoreConformance(Forgetful(), clock: clock).violations().isEmpty)
        #expect(try await !PauseStoreConformance(Endless(), clock: clock).violations().isEmpty)
        #expect(try await !BudgetStoreConformance(Unbounded()).violations().isEmpty)
    }
}
