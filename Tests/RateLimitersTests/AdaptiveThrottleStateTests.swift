import ResilienceCore
import TestSupport
import Testing

@testable import RateLimiters

/// What a throttle counts: the state alone, told the time.
@Suite struct AdaptiveThrottleStateTests {
    private typealias Configuration = AdaptiveThrottle.Configuration

    private func instant(_ nanoseconds: Int64) -> TimeSource.Instant { .init(nanoseconds: nanoseconds) }

    private func configuration(_ window: Int, _ buckets: Int) -> Configuration {
        .init(window: .nanoseconds(window), buckets: buckets, maxRejection: 1, minimumRequests: 0)
    }

    /// A quotient rounded down.
    private func part(_ time: Int64, _ width: Int64) -> Int64 {
        Int64((Double(time) / Double(width)).rounded(.down))
    }

    @Test(
        "retuning counts each call where its part began, as long as the new window reaches back to that",
        arguments: [-1_000, 0, 12_345])
    func retuning(origin: Int64) throws {
        try forSeeds(0..<200) { _, random in
            var buckets = Int64.random(in: 1...6, using: &random)
            var width = Int64.random(in: 1...9, using: &random)
            var now: Int64 = 0
            var state = AdaptiveThrottleState(configuration(Int(buckets * width), Int(buckets)), now: instant(origin))
            var calls: [(time: Int64, isAccepted: Bool)] = []
            for _ in 0..<30 {
                now += Int64.random(in: 0...6, using: &random)
                let isAccepted = Bool.random(using: &random)
                state.record(isAccepted ? .accepted : .refused, startedAt: instant(origin + now))
                calls.append((now, isAccepted))
                now += Int64.random(in: 0...6, using: &random)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    calls.removeAll { part($0.time, width) <= part(now, width) - buckets }
                    let (newBuckets, newWidth) = (
                        Int64.random(in: 1...6, using: &random), Int64.random(in: 1...9, using: &random)
                    )
                    if (newBuckets, newWidth) != (buckets, width) {
                        calls = calls.map { (part($0.time, width) * width, $0.isAccepted) }
                    }
                    (buckets, width) = (newBuckets, newWidth)
                    state.update(configuration(Int(buckets * width), Int(buckets)), now: instant(origin + now))
                } else {
                    state.advance(to: instant(origin + now))
                }
                let live = calls.filter { part($0.time, width) > part(now, width) - buckets }
                guard state.requests == live.count, state.accepts == live.count(where: \.isAccepted) else {
                    throw Difference("at \(now): \(state.requests) requests, not \(live.count)")
                }
            }
        }
    }

    @Test("a call counts where it began if that is at most half of the parts ago", arguments: 1...8, [0, 3, 1_000_000])
    func late(buckets: Int, age: Int) {
        let width = 10
        var state = AdaptiveThrottleState(configuration(buckets * width, buckets), now: instant(-7))
        let now = Int64(age * width) + 2
        let isCounted = state.record(.accepted, startedAt: instant(0), now: instant(now))
        #expect(isCounted == (age <= buckets / 2))
        #expect(state.requests == (isCounted ? 1 : 0) && state.accepts == state.requests && state.totals.accepted == 1)
        let isCountedLate = state.recordLate(.refused, now: instant(now))
        #expect(isCountedLate && state.requests == (isCounted ? 2 : 1) && state.totals.refused == 0)
        let isNeutralCounted = state.record(.ignored, startedAt: instant(now))
        #expect(!isNeutralCounted && state.totals.ignored == 1)
    }

    @Test("what began before the window is in no part of it")
    func tooOld() {
        for buckets in 1...5 {
            for age in 0...7 {
                var state = AdaptiveThrottleState(configuration(10 * buckets, buckets), now: instant(0))
                state.advance(to: instant(100))
                let isCounted = state.recordLate(.accepted, now: instant(Int64(100 - 10 * age)))
                #expect(isCounted == (age < buckets) && state.requests == (isCounted ? 1 : 0), "\(buckets), \(age)")
                // It goes with its part.
                state.advance(to: instant(Int64(100 + 10 * (buckets - age))))
                #expect(state.requests == 0 && state.accepts == 0)
            }
        }
    }

    @Test("what began before the throttle was made is in the part that would have been then")
    func beforeTheFirst() {
        for (start, end) in [(-1, 30), (-9, 30), (-10, 30), (-11, 20), (-20, 20), (-21, nil)] as [(Int64, Int64?)] {
            var state = AdaptiveThrottleState(configuration(40, 4), now: instant(0))
            let isCounted = state.record(.accepted, startedAt: instant(start))
            #expect(isCounted == (end != nil), "\(start)")
            guard let end else { continue }
            state.advance(to: instant(end - 1))
            #expect(state.requests == 1 && state.accepts == 1, "\(start)")
            state.advance(to: instant(end))
            #expect(state.requests == 0 && state.accepts == 0, "\(start)")
        }
    }

    @Test(
        "a part is a whole number of nanoseconds, rounded up",
        arguments: [(10, 3, 4), (9, 3, 3), (1, 4, 1), (11, 4, 3)])
    func width(window: Int, buckets: Int, width: Int64) {
        for origin in [-5, 0, 1_000] as [Int64] {
            let state = AdaptiveThrottleState(configuration(window, buckets), now: instant(origin))
            // Calm until the part ends in which it began.
            #expect(state.calmUntil == instant(origin + width))
        }
    }

    @Test("calm until the newest part ends; not calm while calls may be rejected; and to the end of time at last")
    func calm() {
        var state = AdaptiveThrottleState(configuration(50, 5), now: instant(100))
        for (now, end) in [(100, 110), (109, 110), (110, 120), (1_234, 1_240)] as [(Int64, Int64)] {
            state.advance(to: instant(now))
            #expect(state.calmUntil == instant(end))
        }
        state.reject(now: instant(1_239))
        #expect(state.calmUntil == instant(.min) && state.rejectionProbability == 0.5)
        state.advance(to: instant(.max))
        #expect(state.requests == 0 && state.calmUntil == instant(.max))
        // Also where the part ends after the last moment there is.
        state = AdaptiveThrottleState(configuration(50, 5), now: instant(0))
        state.advance(to: instant(.max))
        #expect(state.calmUntil == instant(.max))
    }

    @Test("that it begins to reject is told once, and that it ends")
    func episodes() {
        var state = AdaptiveThrottleState(configuration(50, 5), now: instant(0))
        func begins() -> Bool { state.beginsRejecting() }
        func ends() -> Bool { state.endsRejecting() }
        for start in [0, 100, 200] as [Int64] {
            #expect(!ends())
            state.reject(now: instant(start))
            #expect(begins() && !begins() && !ends())
            state.advance(to: instant(start + 50))
            #expect(ends() && !ends())
        }
        #expect(state.totals.rejected == 3)
    }

    @Test("a moment that was wrong is gone back from if the window has come to it, and the present has not")
    func rewinding() {
        for (present, doubted, goesBack) in [
            (3, 9, true), (3, 8, true), (3, 4, true), (3, 10, false), (3, 3, false), (9, 9, false), (8, 9, true),
            (10, 9, false), (9, 8, false),
        ] as [(Int64, Int64, Bool)] {
            var state = AdaptiveThrottleState(configuration(50, 5), now: instant(0))
            state.record(.accepted, startedAt: instant(95))
            #expect(state.latestPart(after: instant(present * 10)) == (present < 9 ? 9 : nil))
            state.rewind(to: instant(present * 10), if: doubted)
            #expect(state.requests == (goesBack ? 0 : 1) && state.accepts == state.requests, "\(present), \(doubted)")
            guard goesBack else { continue }
            #expect(state.latestPart(after: instant(present * 10)) == nil)
            #expect(state.calmUntil == instant(present * 10 + 10))
            state.record(.accepted, startedAt: instant(present * 10))
            #expect(state.requests == 1)
            state.advance(to: instant(present * 10 + 50))
            #expect(state.requests == 0)
        }
    }

    @Test("the probability is not told by a clock behind the window")
    func behind() {
        var state = AdaptiveThrottleState(configuration(50, 5), now: instant(0))
        state.reject(now: instant(42))
        for (now, probability) in [(42, 0.5), (39, nil), (-1, nil), (49, 0.5), (91, 0)] as [(Int64, Double?)] {
            let told = state.rejectionProbability(now: instant(now))
            #expect(told == probability, "at \(now)")
        }
    }

    @Test(
        "another configuration at the ends of time forgets what is not in its window, and nothing overflows",
        arguments: [.min, .min + 1, .max - 1, .max] as [Int64], [false, true])
    func retuningAtTheEndsOfTime(end: Int64, isUsed: Bool) {
        for (first, second) in [((10, 10), (1, 1)), ((1, 1), (10, 10)), ((3, 2), (7, 5))] {
            for (start, next) in [(0, end), (end, 0), (end, end)] as [(Int64, Int64)] {
                var state = AdaptiveThrottleState(configuration(first.0, first.1), now: instant(start))
                if isUsed { state.record(.accepted, startedAt: instant(start)) }
                state.update(configuration(second.0, second.1), now: instant(next))
                state.update(configuration(first.0, first.1), now: instant(next))
                #expect(state.totals.accepted == (isUsed ? 1 : 0))
                // What is left of it by a clock that goes back for centuries is not said.
                if next >= start {
                    #expect(state.requests == (isUsed && start == next ? 1 : 0), "\(start), \(next), \(first)")
                }
                state.record(.refused, startedAt: instant(next))
                #expect(state.totals.refused == 1)
            }
        }
    }
}
