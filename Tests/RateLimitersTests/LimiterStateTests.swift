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

    @Test("is quiet while nobody waits, and when those whose wait has ended have been told")
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
}
