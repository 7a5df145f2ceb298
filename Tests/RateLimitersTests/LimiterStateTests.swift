import ResilienceCore
import Testing

@testable import RateLimiters

/// What cannot be seen with one clock: threads that overtake each other between reading it and asking.
@Suite("A limiter's state", .timeLimit(.minutes(30)))
struct LimiterStateTests {
    private let second: Int64 = 1_000_000_000

    @Test("an ask that others have overtaken since it read the clock is judged by the latest reading")
    func overtaken() {
        var state = RateLimiterState(.init(rule: .slidingLog(1, per: .seconds(5))), now: 0)
        guard case .granted = state.ask(1, now: 10 * second, maxWait: 0, latest: .min) else {
            Issue.record("there is a permit")
            return
        }
        guard case .refused(let retryAfter) = state.ask(1, now: 8 * second, maxWait: 0, latest: .min) else {
            Issue.record("there is none")
            return
        }
        #expect(retryAfter == 5 * second)
    }

    @Test("is quiet while no call waits, and when those whose wait has ended have been told")
    func quiet() {
        var state = RateLimiterState(.init(rule: .slidingWindow(1, per: .seconds(5))), now: 0)
        _ = state.ask(1, now: 0, maxWait: 0, latest: .min)
        #expect(state.isQuiet)
        guard case .queued = state.ask(1, now: 0, maxWait: .max, latest: .max) else {
            Issue.record("there is a permit later")
            return
        }
        #expect(!state.isQuiet)
        state.advance(to: 100 * second)
        #expect(!state.isQuiet && state.queue.isEmpty)
        #expect(state.takeEnded().count == 1 && state.isQuiet)
    }

    @Test("a reading of the clock is rounded down to units, also before its origin")
    func units() {
        let meter = PacedMeter(limit: 3, period: second, burst: 1, isUnbounded: false)
        #expect(meter.units == 999_999_999)
        #expect(meter.position(1) == 0 && meter.position(0) == 0 && meter.position(-1) == -1)
        #expect(meter.position(second) == 999_999_999 && meter.position(-second) == -999_999_999)
    }

    @Test(
        "a reading or an ask after others have seen a later moment is answered as of that",
        arguments: [0, 3, 8] as [Int64])
    func overtakenReaders(seconds: Int64) {
        let now = seconds * second
        var state = RateLimiterState(.init(rule: .slidingLog(3, per: .seconds(5))), now: 0)
        _ = state.ask(1, now: 10 * second, maxWait: 0, latest: .min)
        _ = state.ask(2, now: 12 * second, maxWait: 0, latest: .min)
        let next = state.nextPermit(now: now)
        #expect(next == 3 * second)
        guard case .queued(let ticket) = state.ask(1, now: now, maxWait: .max, latest: .max) else {
            Issue.record("there is one later")
            return
        }
        let delay = state.delay(of: ticket, now: now)
        #expect(ticket.asked == 12 * second && delay == 3 * second)
        state.advance(to: 16 * second)
        let (available, drained) = (state.available(now: now), state.drain(now: now))
        #expect(available == 0 && drained == 0)
    }

    @Test("what no instant can hold is refused until the end of time", arguments: [-5, 0, 1, 2_000_000_000] as [Int64])
    func beyondTime(now: Int64) {
        let configuration = RateLimiter.Configuration(rule: .slidingLog(1, per: .nanoseconds(Int64.max)))
        var state = RateLimiterState(configuration, now: now)
        let common = KeyedRate.Common(configuration, anchor: now)
        var rate = KeyedRate(common)
        _ = state.ask(1, now: max(1, now), maxWait: 0, latest: .min)
        _ = rate.ask(1, now: max(1, now), maxWait: 0, deadline: .max, common)
        let later = max(1, now) + 1
        guard case .refused(let hint) = state.ask(1, now: later, maxWait: .max, latest: .max),
            case .refused(let keyed) = rate.ask(1, now: later, maxWait: .max, deadline: .max, common).decision
        else {
            Issue.record("there is none")
            return
        }
        #expect(hint == .max - later && keyed == hint)
    }

    @Test(
        "a call that could wait long enough, but not until then, is told that it need not ask later", arguments: 2...5)
    func hintOfPacing(permits: Int) {
        let configuration = RateLimiter.Configuration(rule: .pacing(1, per: .seconds(1)))
        let least = Int64(permits - 1) * second
        for passed in [0, second / 2] {
            var state = RateLimiterState(configuration, now: 0)
            let common = KeyedRate.Common(configuration, anchor: 0)
            var rate = KeyedRate(common)
            _ = state.ask(1, now: 0, maxWait: 0, latest: .min)
            _ = rate.ask(1, now: 0, maxWait: 0, deadline: .max, common)
            guard case .refused(let hint) = state.ask(permits, now: passed, maxWait: least, latest: passed + least - 1),
                case .refused(let keyed) = rate.ask(
                    permits, now: passed, maxWait: least, deadline: passed + least - 1, common
                ).decision
            else {
                Issue.record("it comes too late")
                return
            }
            #expect(hint == second - passed && keyed == hint)
            // With nobody before it, it could be asked now.
            var unused = RateLimiterState(configuration, now: 0)
            guard case .refused(0) = unused.ask(permits, now: 0, maxWait: least, latest: least - 1) else {
                Issue.record("it is the wait alone that is too long")
                return
            }
            var unusedRate = KeyedRate(common)
            guard
                case .refused(0) = unusedRate.ask(permits, now: 0, maxWait: least, deadline: least - 1, common).decision
            else {
                Issue.record("it is the wait alone that is too long")
                return
            }
        }
    }

    @Test(
        "no hint is negative where the rate is no whole number of nanoseconds", arguments: [(3, 10), (7, 50), (2, 3)])
    func hintOfFractions(limit: Int, period: Int) {
        let configuration = RateLimiter.Configuration(rule: .pacing(limit, per: .nanoseconds(period)))
        let common = KeyedRate.Common(configuration, anchor: 0)
        for now in 0..<Int64(3 * period) {
            for permits in 2...4 {
                var (state, rate) = (RateLimiterState(configuration, now: 0), KeyedRate(common))
                guard case .refused(0) = state.ask(permits, now: now, maxWait: .max, latest: now),
                    case .refused(0) = rate.ask(permits, now: now, maxWait: .max, deadline: now, common).decision
                else {
                    Issue.record("\(permits) at \(now)")
                    return
                }
            }
        }
    }

    @Test(
        "a call that is refused by an update is told what one that asks then is told", arguments: [1, 2, 3], [2, 7, 60])
    func hintOfUpdate(permits: Int, seconds: Int64) {
        var state = RateLimiterState(.init(rule: .pacing(1, per: .seconds(1))), now: 0)
        _ = state.ask(1, now: 0, maxWait: 0, latest: .min)
        let due = Int64(permits) * second
        guard case .queued(let ticket) = state.ask(permits, now: 0, maxWait: .max, latest: due) else {
            Issue.record("it comes in time")
            return
        }
        state.update(.init(rule: .pacing(1, per: .seconds(seconds))), now: second / 4)
        guard case .refused(let told?) = ticket.phase,
            case .refused(let hint) = state.ask(permits, now: second / 4, maxWait: .max, latest: .min)
        else {
            Issue.record("it comes too late")
            return
        }
        #expect(told == hint && told > 0)
    }

    @Test("a grant of no permits gives none back, and none is given back twice", arguments: RateLimiter.Rule.kinds)
    func givingNothingBack(rule: RateLimiter.Rule) {
        var state = RateLimiterState(.init(rule: rule), now: 0)
        _ = state.ask(1, now: 0, maxWait: 0, latest: .min)
        guard case .granted(let none) = state.ask(0, now: 0, maxWait: 0, latest: .min) else {
            Issue.record("there is always none")
            return
        }
        state.giveBack(none, now: 0)
        var available = state.available(now: 0)
        #expect(available == rule.burst - 1)
        guard case .queued(let ticket) = state.ask(rule.burst, now: 0, maxWait: .max, latest: .max) else {
            Issue.record("there are as many later")
            return
        }
        let wasQueued = (0..<3).map { _ in state.cancel(ticket, now: 0, grantToo: true) }
        available = state.available(now: 0)
        #expect(wasQueued == [true, false, false] && available == rule.burst - 1)
    }
}
