import ResilienceCore
import Testing

@testable import RateLimiters

/// A node's part in a quota by another rule: the state alone, told the time.
@Suite("Shared limiter: a node's part by another rule")
struct SharedLeaseUpdateTests {
    private let start: Int64 = 100_000_000_000

    private func plan(
        burst: Int = 1_000, mode: SharedRateLimiter.Mode = .leased, lease: Duration = .milliseconds(500),
        _ whenUnavailable: SharedRateLimiter.WhenUnavailable = .closed, version: Int
    ) -> LeasePlan {
        let rule = SharedQuotaRule(permits: 100, period: .seconds(1), burst: burst)
        return LeasePlan(
            quota: "q", .init(rule: rule, mode: mode, whenUnavailable: whenUnavailable, leaseLength: lease),
            version: version)
    }

    private func milliseconds(_ number: Int64) -> Int64 { number * 1_000_000 }

    private func grant(_ permits: Int, retryAfter: Duration? = .zero) -> PermitGrant {
        PermitGrant(
            granted: permits, remaining: 0, retryAfter: retryAfter, resetAfter: .zero,
            receipt: .init(since: 1, position: Int64(permits)))
    }

    /// The number of what the store is asked now.
    private func request(of state: inout LeaseState, _ now: Int64) throws -> Int {
        let next = state.nextRequest(now)
        return try #require(next).number
    }

    private func ticket(_ decision: LeaseState.Decision) throws -> LeaseTicket {
        guard case .queued(let ticket) = decision else { throw NotQueued() }
        return ticket
    }

    private struct NotQueued: Error {}

    @Test("an update that is no later than the one in force changes nothing", arguments: [0, 3, 4, 5, 9])
    func versions(version: Int) {
        var state = LeaseState(plan(version: 4), now: start)
        _ = state.update(plan(burst: 300, version: version), now: start)
        #expect(state.plan.version == max(4, version) && (state.plan.storeRule.burst < 300) == (version > 4))
    }

    @Test(
        "a call that waits for more than there ever are by the new rule is refused, and no other",
        arguments: [1, 2, 50], [SharedRateLimiter.Mode.leased, .exact])
    func tooMany(smaller: Int, mode: SharedRateLimiter.Mode) throws {
        let new = plan(burst: 100, mode: mode, lease: .milliseconds(100), version: 1)
        let burst = new.storeRule.burst
        var state = LeaseState(plan(version: 0), now: start)
        let tickets = try [burst, burst + 1, burst + 2, burst - smaller, burst + 1].map {
            try ticket(state.ask($0, now: start, latest: .max))
        }
        let wasQueued = state.cancel(tickets[2], now: start, grantToo: false)
        #expect(wasQueued && state.waiting == 4)
        _ = state.update(new, now: start)
        let refused = tickets.map { if case .refused(.never(burst)) = $0.phase { true } else { false } }
        #expect(refused == [false, true, false, false, true] && state.waiting == 2)
        let ended = state.takeEnded()
        #expect(ended.map(\.permits) == [burst + 1, burst + 1])
    }

    @Test("what is held may be used for the shorter of both leases", arguments: [100, 400, 500, 600, 2_000] as [Int64])
    func leases(lease: Int64) throws {
        var state = LeaseState(plan(version: 0), now: start)
        _ = try ticket(state.ask(1, now: start, latest: .max))
        let number = try request(of: &state, start)
        state.finish(number, grant(1), now: start)
        state.late(grant(0), now: start)
        _ = state.ask(30, now: start, latest: .max)
        let second = try request(of: &state, start + milliseconds(2))
        // On its way: what comes of it ends with the shorter lease, too.
        let now = start + milliseconds(100)
        _ = state.update(plan(lease: .milliseconds(lease), version: 1), now: now)
        #expect(state.flight?.lease == milliseconds(min(500, lease)) && state.flight?.isOutdated == true)
        state.finish(second, grant(30), now: now)
        let held = LeaseState.Batch(permits: 9, end: start + milliseconds(500), receipt: .init(since: 1, position: 7))
        state.batches = [held]
        _ = state.update(plan(lease: .milliseconds(lease), version: 2), now: now)
        #expect(
            state.batches == [
                .init(
                    permits: 9, end: min(held.end, now + milliseconds(lease)), receipt: .init(since: 1, position: 7))
            ])
    }

    @Test("what the store has said of the old rule says nothing about the new one", arguments: [false, true])
    func lastAnswer(isOnItsWay: Bool) throws {
        var state = LeaseState(plan(version: 0), now: start)
        let waiting = try ticket(state.ask(1, now: start, latest: .max))
        let number = try request(of: &state, start)
        let refusal = grant(0, retryAfter: .seconds(60))
        let now = start + milliseconds(5)
        if !isOnItsWay { state.finish(number, refusal, now: start + milliseconds(1)) }
        _ = state.update(plan(burst: 900, version: 1), now: now)
        if isOnItsWay { state.finish(number, refusal, now: now) }
        // Who may not wait for long is not refused at once, and the store is asked soon.
        _ = try ticket(state.ask(1, now: now, latest: now + milliseconds(500)))
        #expect(state.nextWake == now + milliseconds(isOnItsWay ? 5 : 10) && waiting.isQueued)
        let early = state.nextRequest(now + milliseconds(isOnItsWay ? 5 : 10) - 1)
        #expect(early == nil)
        _ = try request(of: &state, now + milliseconds(isOnItsWay ? 5 : 10))
    }

    @Test("while the store is away: a share begins with one permit, and another share keeps what was used")
    func shares() throws {
        for (before, permits) in [(nil, 1), (0.5, 0), (1.0, 0)] as [(Double?, Int)] {
            var state = LeaseState(plan(before.map { .local(share: $0) } ?? .closed, version: 0), now: start)
            state.advance(to: start, isAway: true)
            if before != nil {
                guard case .granted = state.ask(1, now: start, latest: start) else { throw NotQueued() }
            }
            _ = state.update(plan(.local(share: 0.1), version: 1), now: start)
            let granted = (0..<3).count { _ in
                if case .granted = state.ask(1, now: start, latest: start) { true } else { false }
            }
            #expect(granted == permits, "\(before ?? 0)")
            // At a tenth of 100 a second.
            guard case .refused(.limit(100_000_000)) = state.ask(1, now: start, latest: start) else {
                Issue.record("\(before ?? 0)")
                continue
            }
        }
    }

    @Test("into exact, all that is held is given back; otherwise nothing is", arguments: [0, 3])
    func leftovers(spent: Int) {
        for mode in [SharedRateLimiter.Mode.leased, .exact] {
            var state = LeaseState(plan(version: 0), now: start)
            state.batches = [
                .init(permits: 5, end: .max, receipt: .init(since: 1, position: 1)),
                .init(permits: 7, end: .max, receipt: .init(since: 1, position: 2)),
            ]
            state.late(grant(spent), now: start)
            let returned = state.update(plan(mode: mode, version: 1), now: start).map(\.returned)
            #expect(returned == (mode == .exact ? [5, 7] + (spent > 0 ? [spent] : []) : []))
            #expect(state.held(start) == (mode == .exact ? 0 : 12))
        }
    }
}
