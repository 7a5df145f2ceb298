import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

@Suite struct AverageWaitTests {
    @Test("the average wait is that of the calls which waited, and of none where none did")
    func average() throws {
        let clock = ManualClock()
        var plain = RateLimiter.Totals()
        let keyed = try KeyedRateLimiter<Int>("k", .tokenBucket(1, per: .seconds(1)), maxKeys: 1, clock: clock)
        var byKey = keyed.totals
        let quota = SharedQuotaRule(permits: 1, period: .seconds(1), burst: 10)
        var shared = try SharedRateLimiter("s", quota, through: InMemoryRateStore(clock: clock), clock: clock).totals
        #expect(plain.averageWait == nil && byKey.averageWait == nil && shared.averageWait == nil)
        (plain.permitted, plain.waited, plain.waitingTime) = (7, 2, .seconds(3))
        (byKey.permitted, byKey.waited, byKey.waitingTime) = (7, 4, .seconds(1))
        (shared.permitted, shared.waited, shared.waitingTime) = (7, 5, .seconds(10))
        #expect(plain.averageWait == .milliseconds(1500) && byKey.averageWait == .milliseconds(250))
        #expect(shared.averageWait == .seconds(2))
    }
}
