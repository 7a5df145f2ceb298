import ResilienceCore
import Testing

@testable import RateLimiters

/// What a node holds of a quota, and when it asks for more: the state alone, told the time.
@Suite("Shared limiter: a node's part")
struct SharedLeaseStateTests {
    private static let rule = SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 50_000)

    private func plan(
        _ rule: SharedQuotaRule = rule, _ whenUnavailable: SharedRateLimiter.WhenUnavailable = .closed
    ) -> LeasePlan {
        LeasePlan(quota: "q", .init(rule: rule, whenUnavailable: whenUnavailable, leaseLength: .seconds(1)))
    }

    private func milliseconds(_ number: Int64) -> Int64 { number * 1_000_000 }

    private func grant(_ permits: Int, retryAfter: Duration? = .zero) -> PermitGrant {
        PermitGrant(
            granted: permits, remaining: 0, retryAfter: retryAfter, resetAfter: .zero,
            receipt: .init(since: 1, position: Int64(permits)))
    }

    private func request(of state: inout LeaseState, _ now: Int64) throws -> (request: PermitRequest, number: Int) {
        let next = state.nextRequest(now)
        return try #require(next)
    }

    private func isGranted(_ decision: LeaseState.Decision) -> Bool {
        if case .granted = decision { true } else { false }
    }

    /// For how long the ticket was told to wait; `nil` if it was not refused.
    private func refusal(_ ticket: LeaseTicket?) -> Int64? {
        guard case .refused(.limit(let retryAfter)) = ticket?.phase else { return nil }
        return retryAfter
    }

    @Test("at a low rate a request asks for what is waited for and no more", arguments: [1, 2, 5, 100])
    func exactly(calls: Int) throws {
        var state = LeaseState(plan(), now: 0)
        #expect(state.rate == 0 && state.low == 0)
        for _ in 0..<calls { _ = state.ask(1, now: milliseconds(100_000), latest: .max) }
        let request = try self.request(of: &state, milliseconds(100_000)).request
        #expect(request.wanted == calls && request.minimum == 1 && request.returned == 0)
    }

    @Test("a batch is what 40 ms in addition to two round trips use, and more is asked for in time")
    func batch() throws {
        var state = LeaseState(plan(), now: 0)
        _ = state.ask(1_000, now: milliseconds(1_000), latest: .max)
        let first = try request(of: &state, milliseconds(1_000))
        #expect(first.request.wanted == 1_040)
        // The average of the round trips moves by a quarter: 20 ms now.
        state.finish(first.number, grant(1_040), now: milliseconds(1_080))
        #expect(state.held(milliseconds(1_080)) == 40 && state.low == 30)
        _ = state.ask(500, now: milliseconds(1_500), latest: .max)
        let second = try request(of: &state, milliseconds(1_500))
        #expect(second.request.wanted == 500 + 80 - 40)
    }

    @Test("2 ms after a request that was granted in full the next may go out")
    func shortestGap() throws {
        var state = LeaseState(plan(), now: 0)
        let start = milliseconds(100_000)
        _ = state.ask(1, now: start, latest: .max)
        let number = try request(of: &state, start).number
        state.finish(number, grant(1), now: start + 1)
        _ = state.ask(1, now: start + 2, latest: .max)
        #expect(state.nextRequest(start + milliseconds(2) - 1) == nil)
        #expect(state.nextWake == start + milliseconds(2))
        #expect(state.nextRequest(start + milliseconds(2)) != nil)
    }

    @Test("after one that was not, when some twenty permits have come to this node, from 10 to 40 ms")
    func gapWhenShort() throws {
        for (granted, gap) in [(400, 40), (4_000, 20), (5_000, 16), (9_000, 10)] {
            var state = LeaseState(plan(), now: 0)
            let start = milliseconds(1_000)
            _ = state.ask(10_000, now: start, latest: .max)
            let number = try request(of: &state, start).number
            state.finish(number, grant(granted), now: start)
            #expect(state.nextRequest(start + milliseconds(Int64(gap)) - 1) == nil, "\(granted)")
            #expect(state.nextRequest(start + milliseconds(Int64(gap))) != nil, "\(granted)")
        }
    }

    @Test("however long the store says that it takes, it is asked again after a second", arguments: [1, 2, 60, 86_400])
    func longestGap(seconds: Int) throws {
        var state = LeaseState(plan(), now: 0)
        let start = milliseconds(100_000)
        _ = state.ask(1, now: start, latest: .max)
        let number = try request(of: &state, start).number
        state.finish(number, grant(0, retryAfter: .seconds(seconds)), now: start)
        #expect(state.waiting == 1)
        #expect(state.nextRequest(start + milliseconds(1_000) - 1) == nil)
        #expect(state.nextRequest(start + milliseconds(1_000)) != nil)
    }

    @Test("what has ended with permits left is given back, also if a late answer brings none")
    func spentAndLate() throws {
        var state = LeaseState(plan(), now: 0)
        _ = state.ask(1_000, now: milliseconds(1_000), latest: .max)
        let number = try request(of: &state, milliseconds(1_000)).number
        state.finish(number, grant(1_040), now: milliseconds(1_000))
        state.advance(to: milliseconds(2_000), isAway: false)
        #expect(state.takeCounts() == .init(leased: 1_040, expired: 40))
        state.late(grant(0), now: milliseconds(2_000))
        #expect(state.giveUpAll().map(\.returned) == [40])
        #expect(state.giveUpAll().isEmpty && state.takeCounts() == .init(returned: 40))
    }

    @Test("a call that waits behind another is refused at the end of its wait, to the nanosecond")
    func tooLateBehind() {
        var state = LeaseState(plan(), now: 0)
        let start = milliseconds(10_000)
        _ = state.ask(5, now: start, latest: .max)
        _ = state.ask(5, now: start, latest: start + milliseconds(2_000))
        state.advance(to: start + milliseconds(2_000) - 1, isAway: false)
        #expect(state.takeEnded().isEmpty && state.waiting == 2)
        state.advance(to: start + milliseconds(2_000), isAway: false)
        let ended = state.takeEnded()
        #expect(ended.count == 1 && refusal(ended.first) != nil && state.waiting == 1)
        #expect(ended.first?.ended == start + milliseconds(2_000))
    }

    @Test("on a node alone, a call that cannot be served in time is told when it could have been")
    func tooLateAlone() {
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 30)
        var state = LeaseState(plan(rule, .local(share: 0.1)), now: 0)
        let start = milliseconds(10_000)
        state.advance(to: start, isAway: true)
        #expect(isGranted(state.ask(1, now: start, latest: start)))
        #expect(!isGranted(state.ask(1, now: start, latest: start + milliseconds(1_200))))
        #expect(!isGranted(state.ask(1, now: start, latest: start + milliseconds(1_500))))
        state.advance(to: start + milliseconds(1_000), isAway: true)
        let ended = state.takeEnded()
        #expect(ended.count == 2 && refusal(ended.first) == nil && refusal(ended.last) == milliseconds(1_000))
    }

    @Test("a share that brings a permit in more than a hundred years brings the first one")
    func smallestShare() {
        let rule = SharedQuotaRule(permits: 1, period: .seconds(366 * 86_400), burst: 2)
        for share in [1e-3, 1e-9, 1e-300] {
            var state = LeaseState(plan(rule, .local(share: share)), now: 0)
            state.advance(to: milliseconds(1_000), isAway: true)
            #expect(isGranted(state.ask(1, now: milliseconds(1_000), latest: .max)))
            #expect(!isGranted(state.ask(1, now: milliseconds(1_000), latest: .max)))
            state.advance(to: milliseconds(1_000_000_000), isAway: true)
            #expect(state.takeEnded().isEmpty, "\(share)")
        }
    }

    @Test("the plan of a key is that of all keys, but for the key")
    func planOfKey() {
        let all = LeasePlan(
            quota: "q",
            .init(
                rule: Self.rule, maxWait: .seconds(3), whenUnavailable: .local(share: 0.5), leaseLength: .seconds(2)))
        let one = LeasePlan(all, key: "k")
        #expect(one.quota == "q" && one.key == "k" && one.storeRule == all.storeRule && one.interval == all.interval)
        #expect(one.lease == milliseconds(2_000) && one.maxWait == milliseconds(3_000) && !one.isExact)
        #expect(one.whenUnavailable == .local(share: 0.5) && one.local?.capacity == all.local?.capacity)
    }

    @Test(
        "where no permits are on their way more are asked for when a quarter is left",
        arguments: [1_000, 4_000, 10_000])
    func quarter(rate: Int) throws {
        var state = LeaseState(plan(), now: 0)
        _ = state.ask(rate, now: milliseconds(1_000), latest: .max)
        let first = try request(of: &state, milliseconds(1_000))
        let batch = rate / 25
        #expect(first.request.wanted == rate + batch && state.low == batch / 4)
        state.finish(first.number, grant(rate + batch), now: milliseconds(1_000))
        // Down to one above it nothing is asked for.
        _ = state.ask(batch - batch / 4 - 1, now: milliseconds(1_010), latest: .max)
        var next = state.nextRequest(milliseconds(1_010))
        #expect(next == nil)
        _ = state.ask(1, now: milliseconds(1_010), latest: .max)
        next = state.nextRequest(milliseconds(1_010))
        #expect(next != nil && state.waiting == 0)
    }

    @Test(
        "how many come is counted from answer to answer", arguments: [(500, 40), (1_000, 20), (1_600, 12), (8_000, 10)])
    func income(perSecond: Int, gap: Int64) throws {
        var state = LeaseState(plan(), now: 0)
        _ = state.ask(state.plan.storeRule.burst, now: 0, latest: .max)
        var now = milliseconds(100)
        for _ in 0..<100 {
            let number = try request(of: &state, now).number
            state.finish(number, grant(perSecond / 10), now: now)
            #expect(state.waiting == 1)
            // Nobody takes them: they are given up, and so the store never has enough.
            _ = state.giveUpAll()
            now += milliseconds(100)
        }
        let number = try request(of: &state, now).number
        state.finish(number, grant(perSecond / 10), now: now)
        let early = state.nextRequest(now + milliseconds(gap) - 1)
        #expect(early == nil)
        let next = state.nextRequest(now + milliseconds(gap + 1))
        #expect(next != nil)
    }

    @Test(
        "a call that is refused while nothing is known is told the time of a permit, rounded up",
        arguments: [(10_000, 100_000), (3, 333_333_334), (7, 142_857_143), (1_000_000_000, 1), (700_000_000, 2)])
    func hint(permits: Int, nanoseconds: Int64) {
        let rule = SharedQuotaRule(permits: permits, period: .seconds(1), burst: permits)
        var state = LeaseState(LeasePlan(quota: "q", .init(rule: rule, mode: .exact)), now: 0)
        guard case .refused(.limit(nanoseconds)) = state.ask(1, now: 5, latest: 5) else {
            Issue.record("\(rule)")
            return
        }
    }

    @Test("what the store says of when there are permits holds for the calls that ask then", arguments: [1, 3])
    func emptyUntil(minimum: Int) throws {
        var state = LeaseState(plan(), now: 0)
        let start = milliseconds(100_000)
        _ = state.ask(minimum, now: start, latest: .max)
        let number = try request(of: &state, start).number
        state.finish(number, grant(0, retryAfter: .milliseconds(300)), now: start)
        for wait in [299, 300] as [Int64] {
            let decision = state.ask(1, now: start, latest: start + milliseconds(wait))
            // That three are not there says nothing about one.
            guard minimum == 1, wait < 300 else {
                guard case .queued = decision else {
                    Issue.record("\(wait)")
                    continue
                }
                continue
            }
            guard case .refused(.limit(300_000_000)) = decision else {
                Issue.record("\(wait)")
                continue
            }
        }
    }
}
