import Resilience
import Testing

@Suite("Guides/Choosing.md")
struct ChoosingExamples {
    @Test("numbers by example")
    func numbers() async throws {
        let retries = try RetryBudget(.ratio(0.2))
        let quotes = try Policy("quotes") {
            Timeout.layer(.milliseconds(1800))
            Retry.layer(.exponential(from: .milliseconds(20)), maxAttempts: 3, budget: retries)
            CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 100)))
            Bulkhead.layer(limit: 32)
            Timeout.layer("attempt", .milliseconds(300))
        }
        #expect(try await quotes.execute { 1 } == 1)
    }
}
