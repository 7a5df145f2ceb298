import ResilienceCore
import Testing

@testable import RateLimiters

/// A limiter that is told of an earlier moment than before: the state alone.
@Suite("A limiter that is told an earlier time") struct LimiterRewindTests {
    private let second: Int64 = 1_000_000_000

    @Test(
        "goes back from a moment that was wrong if it has come to that, or further", arguments: RateLimiter.Rule.kinds)
    func rewinding(rule: Rule) {
        for (present, doubted, latest, goesBack) in [
            (3, 90, 90, true), (3, 89, 90, true), (3, 4, 90, true), (3, 91, 90, false), (3, 3, 90, false),
            (90, 90, 90, false), (89, 90, 90, true), (3, 200, 90, false),
        ] as [(Int64, Int64, Int64, Bool)] {
            var state = RateLimiterState(.init(rule: rule), now: 0)
            state.advance(to: latest * second)
            state.rewind(to: present * second, if: doubted * second)
            let expected = goesBack || present >= latest ? nil : latest * second
            #expect(state.latestMoment(after: present * second) == expected, "\(present), \(doubted)")
            let available = state.available(now: present * second)
            #expect(available == rule.burst)
        }
    }

    @Test("and with it the waiting calls", arguments: RateLimiter.Rule.kinds)
    func waiting(rule: Rule) {
        var state = RateLimiterState(.init(rule: rule), now: 0)
        _ = state.ask(rule.burst, now: 90 * second, maxWait: .max, latest: .max)
        guard case .queued(let ticket) = state.ask(1, now: 90 * second, maxWait: .max, latest: 99 * second) else {
            Issue.record("it may wait")
            return
        }
        state.rewind(to: 3 * second, if: 91 * second)
        #expect(ticket.asked == 90 * second && ticket.latest == 99 * second)
        state.rewind(to: 3 * second, if: 90 * second)
        #expect(ticket.asked == 3 * second && ticket.latest == 12 * second)
        let delay = state.delay(of: ticket, now: 3 * second)
        #expect((1...9 * second).contains(delay))
    }

    @Test(
        "who gives back after others have seen a later moment gives back as of that", arguments: RateLimiter.Rule.kinds)
    func overtakenReturn(rule: Rule) {
        for now in [0, second, 10 * second] {
            var state = RateLimiterState(.init(rule: rule), now: 0)
            guard case .granted(let grant) = state.ask(rule.burst, now: 0, maxWait: 0, latest: .min) else {
                Issue.record("they are there")
                return
            }
            // All have come again, and another has them.
            _ = state.ask(rule.burst, now: 10 * second, maxWait: 0, latest: .min)
            state.giveBack(grant, now: now)
            let available = state.available(now: 10 * second)
            #expect(available == 0, "at \(now)")
        }
    }

    @Test(
        "who drains after others have seen a later moment takes what is there then", arguments: RateLimiter.Rule.kinds)
    func overtakenDrain(rule: Rule) {
        for now in [0, second, 10 * second] {
            var state = RateLimiterState(.init(rule: rule), now: 0)
            let first = state.drain(now: 0)
            state.advance(to: 10 * second)
            var reader = state
            let available = reader.available(now: now)
            let again = state.drain(now: now)
            #expect([first, available, again] == [rule.burst, rule.burst, rule.burst], "at \(now)")
            let left = state.drain(now: now)
            #expect(left == 0)
        }
    }

    @Test("what was taken before the present stays where it was", arguments: RateLimiter.Rule.kinds)
    func past(rule: Rule) {
        let meter = rule.meter(anchor: 0)
        var state = meter.unused
        meter.take(rule.burst, &state, at: 0)
        for now in [0, 3, 20] as [Int64] {
            var rewound = state
            meter.rewind(&rewound, to: now * second)
            #expect(meter.available(rewound, at: now * second) == meter.available(state, at: now * second), "\(now)")
        }
    }
}
