import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Sums of totals")
struct SummedTotalsTests {
    private let clock = ManualClock()

    /// Every number has another value, so that none is taken for another or left out.
    private func check<Totals: SummableTotals & Equatable>(
        _ zero: Totals, besides others: Int = 0, _ add: (Totals, Totals) -> Totals
    ) {
        let (numbers, durations) = (Totals.numbers, Totals.durations)
        #expect(Mirror(reflecting: zero).children.count == numbers.count + durations.count + others, "\(Totals.self)")
        #expect(Set(numbers).count == numbers.count)
        var (one, another, sum, most) = (zero, zero, zero, zero)
        for (index, path) in numbers.enumerated() {
            (one[keyPath: path], another[keyPath: path]) = (index + 1, 100 * (index + 1))
            (sum[keyPath: path], most[keyPath: path]) = (101 * (index + 1), .max)
        }
        for path in durations {
            (one[keyPath: path], another[keyPath: path]) = (.seconds(1), .milliseconds(1))
            (sum[keyPath: path], most[keyPath: path]) = (.milliseconds(1001), .nanoseconds(Int64.max))
        }
        #expect(add(one, another) == sum, "\(Totals.self)")
        #expect(add(one, zero) == one && add(zero, one) == one, "\(Totals.self)")
        #expect(add(most, one) == most && add(one, most) == most, "\(Totals.self)")
    }

    @Test("Totals of every pattern are added number by number, and stop at the largest")
    func sums() throws {
        check(try Bulkhead("b", clock: clock).totals, +)
        let breaker = try CircuitBreaker("b", clock: clock)
        check(breaker.totals, +)
        check(try FleetCircuit(breaker, through: InMemoryCircuitStore(clock: clock)).totals, +)
        check(try Hedge("h", .init(delay: .fixed(.seconds(1))), clock: clock).totals, +)
        check(try RateLimiter("r", .tokenBucket(1, per: .seconds(1)), clock: clock).totals, +)
        let keyed = try KeyedRateLimiter<String>("k", .tokenBucket(1, per: .seconds(1)), maxKeys: 1, clock: clock)
        check(keyed.totals, +)
        check(try AdaptiveThrottle("t", clock: clock).totals, +)
        check(try Pause("p", clock: clock).totals, +)
        check(try Retry("r", clock: clock).totals, +)
        check(try RetryBudget(clock: clock).totals, +)
        check(try Timeout("t", .seconds(1), clock: clock).totals, +)
        let shared = try SharedRateLimiter(
            "s", .init(permits: 1, period: .seconds(1), burst: 10), through: InMemoryRateStore(clock: clock),
            clock: clock)
        check(shared.totals, +)
        let fallback = try Fallback<Int>("f", clock: clock) { .value(1) }
        check(fallback.totals, besides: 1, +)
        let step = try #require(fallback.totals.steps.values.first)
        check(step, besides: 1, +)
        check(step.latency, besides: 1) { $0.adding($1) }
        let values = try KeyedStaleWhileRevalidate<Int, Int>(
            "s", .init(freshFor: .seconds(1), staleFor: .seconds(2)), clock: clock)
        check(values.totals, +)
    }
}
