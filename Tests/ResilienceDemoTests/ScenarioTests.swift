import Resilience
import Testing

@testable import ResilienceDemo

@Suite("Scenario and traffic")
struct ScenarioTests {
    private let scenario = Scenario(
        phases: [(.healthy, .seconds(1)), (.slow, .zero), (.down, .seconds(2)), (.recovered, .seconds(1))],
        callRate: 10, shortestBreak: .seconds(1), longestBreak: .seconds(1))

    @Test(
        "A phase begins at exactly its start",
        arguments: [
            (-1, Phase.healthy), (0, .healthy), (999, .healthy), (1_000, .down), (2_999, .down), (3_000, .recovered),
            (4_000, .recovered), (9_000, .recovered),
        ])
    func phaseStart(milliseconds: Int, expected: Phase) {
        #expect(scenario.phase(at: .milliseconds(milliseconds)) == expected)
    }

    @Test("Without phases the upstream is healthy")
    func withoutPhases() {
        let empty = Scenario(phases: [], callRate: 1, shortestBreak: .seconds(1), longestBreak: .seconds(1))
        #expect(empty.length == .zero)
        #expect(empty.phase(at: .seconds(1)) == .healthy)
    }

    @Test("Both set-ups go through all phases in the time they promise")
    func setUps() {
        for scenario in [Scenario.standard, .quick] { #expect(scenario.spans.map(\.phase) == Phase.allCases) }
        #expect(Scenario.standard.length == .seconds(28))
        #expect(Scenario.quick.length == .seconds(7))
    }

    @Test(
        "In the overloaded phase three times the usual traffic comes, and in other phases the usual one",
        arguments: 1...10 as ClosedRange<UInt64>)
    func overload(seed: UInt64) {
        let arrivals = Traffic(.standard, seed: seed).arrivals
        for span in Scenario.standard.spans {
            let count = Double(arrivals.count { $0 >= span.start && $0 < span.start + span.length })
            let mean = span.length.seconds * (span.phase == .overloaded ? 240 : 80)
            // Five standard deviations of a Poisson distribution.
            #expect(abs(count - mean) < 5 * mean.squareRoot(), "\(span.phase), seed \(seed)")
        }
        #expect(zip(arrivals, arrivals.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("Protection can be built for both set-ups")
    func protection() throws {
        for scenario in [Scenario.standard, .quick] {
            let protection = try Protection(scenario, seed: 1)
            #expect(protection.breaker.state == .closed)
            #expect(
                protection.policy.description
                    == "Fallback(orders) → Retry(3) → CircuitBreaker(upstream) → RateLimiter(upstream) → "
                    + "Bulkhead(upstream) → Timeout(500ms)")
            #expect(protection.module.policyNames == ["upstream"])
            #expect(protection.module.health.status == .healthy)
        }
    }

    @Test("What the layers did since a moment leaves out what came before")
    func layersSince() {
        func totals(_ numbers: [Int]) -> Protection.Totals {
            Protection.Totals(
                retries: numbers[0], savedByRetry: numbers[1], refusedByBudget: numbers[2], timeouts: numbers[3],
                refusedByBreaker: numbers[4], refusedByLimiter: numbers[5], refusedByBulkhead: numbers[6],
                queued: numbers[7])
        }
        let earlier = [1, 2, 3, 4, 5, 6, 7, 8]
        let later = totals([11, 22, 33, 44, 55, 66, 77, 88])
        #expect(later.since(totals(earlier)) == totals([10, 20, 30, 40, 50, 60, 70, 80]))
    }

    @Test("The same seed gives the same arrivals", arguments: [0, 1, 42, UInt64.max])
    func sameSeed(seed: UInt64) {
        #expect(Traffic(.standard, seed: seed) == Traffic(.standard, seed: seed))
        #expect(Traffic(.standard, seed: seed) != Traffic(.standard, seed: seed &+ 1))
    }

    @Test(
        "Arrivals are in order, within the run and about as many as the rate says",
        arguments: 1...20 as ClosedRange<UInt64>)
    func arrivals(seed: UInt64) {
        let arrivals = Traffic(seed: seed, callRate: 80, length: .seconds(20)).arrivals
        #expect(arrivals.allSatisfy { $0 >= .zero && $0 < .seconds(20) })
        #expect(zip(arrivals, arrivals.dropFirst()).allSatisfy { $0 <= $1 })
        // Five standard deviations of a Poisson distribution of mean 1600.
        #expect(abs(arrivals.count - 1600) < 200)
    }

    @Test("A rate that is not above zero or not finite gives no traffic", arguments: [0, -1, Double.nan, .infinity])
    func senselessRate(rate: Double) {
        #expect(Traffic(seed: 1, callRate: rate, length: .seconds(1)).arrivals.isEmpty)
    }
}
