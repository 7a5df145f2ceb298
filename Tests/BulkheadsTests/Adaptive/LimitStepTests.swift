import ResilienceCore
import Testing

@testable import Bulkheads

@Suite("Steps of adaptive limits, and what is usual")
struct LimitStepTests {
    private func instant(_ nanoseconds: Int64) -> TimeSource.Instant { .init(nanoseconds: nanoseconds) }

    @Test("A call leads to a step if it was admitted at the last one or later")
    func admission() {
        var pacer = StepPacer()
        func steps(_ time: Int64, at now: Int64) -> Bool {
            pacer.takesStep(for: .nanoseconds(time), endingAt: instant(now))
        }
        #expect(steps(50, at: 100))
        #expect(!steps(21, at: 120))
        #expect(steps(20, at: 120))
        #expect(!steps(20, at: 139))
        #expect(steps(1, at: 139))
    }

    @Test("After a clock that was ahead, the next call may lead to a step", arguments: [1, 1_000, Int64.max - 200])
    func clockBack(ahead: Int64) {
        var pacer = StepPacer()
        func steps(_ time: Int64, at now: Int64) -> Bool {
            pacer.takesStep(for: .nanoseconds(time), endingAt: instant(now))
        }
        #expect(steps(1, at: 200 + ahead))
        #expect(!steps(1, at: 200))
        #expect(steps(1, at: 201))
    }

    @Test("A step waits for as long as calls usually take, and is led by the average of the calls since the last")
    func average() {
        var pacer = StepPacer()
        func call(_ time: Double, admitted: Int64? = nil, at now: Int64) -> Double? {
            pacer.takesStep(by: time, for: .nanoseconds(now - (admitted ?? now - 1)), endingAt: instant(now))
        }
        func steps(_ time: Int64, at now: Int64) -> Bool {
            pacer.takesStep(for: .nanoseconds(time), endingAt: instant(now))
        }
        #expect(pacer.usualTime == 0)
        pacer.note(100)
        #expect(pacer.usualTime == 100)
        #expect(call(70, at: 1_000) == 70)
        #expect(call(10, at: 1_050) == nil)
        #expect(call(20, at: 1_099) == nil)
        #expect(call(60, at: 1_100) == 30)
        #expect(call(40, at: 1_150) == nil)
        pacer.clear()
        #expect(call(8, at: 1_200) == 8)
        // One that was admitted before the step counts, but does not lead to the next.
        #expect(call(2, admitted: 1_199, at: 1_300) == nil)
        #expect(call(4, at: 1_300) == 3)
        // A drop takes a step at once, and begins again.
        #expect(call(1_000, at: 1_310) == nil)
        #expect(steps(1, at: 1_320))
        #expect(call(6, at: 1_420) == 6)
    }

    @Test("A part of a nanosecond of what is usual is not waited for")
    func partOfNanosecond() {
        var pacer = StepPacer()
        func call(at now: Int64) -> Double? {
            pacer.takesStep(by: 1, for: .nanoseconds(1), endingAt: instant(now))
        }
        pacer.note(10.9)
        #expect(call(at: 0) == 1)
        #expect(call(at: 9) == nil)
        #expect(call(at: 10) == 1)
    }

    @Test("What is usual moves by a sixteenth of the way, and counts no call for more than twice as long")
    func usual() {
        var usual = UsualTime()
        usual.note(160)
        #expect(usual.nanoseconds == 160)
        usual.note(0)
        #expect(usual.nanoseconds == 150)
        usual.note(310)
        #expect(usual.nanoseconds == 159.375)
        usual = UsualTime()
        usual.note(16)
        usual.note(1e18)
        #expect(usual.nanoseconds == 17)
    }

    @Test("Ten fast calls in a row are what is usual from then on, the longest of them; fewer are left out")
    func fastCalls() {
        var (fast, usual) = (FastCalls(), 100 as Double?)
        func isLeftOut(_ time: Double, below bound: Double) -> Bool {
            fast.leavesOut(time, below: bound, lowering: &usual)
        }
        for time in [9, 3, 1, 2, 3, 4, 5, 6, 7] as [Double] {
            #expect(isLeftOut(time, below: 50))
        }
        #expect(usual == 100)
        #expect(!isLeftOut(8, below: 50))
        #expect(usual == 9)
        // From the beginning again.
        for _ in 1...9 { #expect(isLeftOut(1, below: 4.5)) }
        #expect(!isLeftOut(2, below: 4.5))
        #expect(usual == 2)
    }

    @Test("Every other call takes away three of the fast ones, and the last of them the longest, too")
    func otherCalls() {
        var (fast, usual) = (FastCalls(), 100 as Double?)
        func isLeftOut(_ time: Double, below bound: Double) -> Bool {
            fast.leavesOut(time, below: bound, lowering: &usual)
        }
        for _ in 1...3 { #expect(isLeftOut(40, below: 50)) }
        #expect(!isLeftOut(50, below: 50))
        for _ in 1...9 { #expect(isLeftOut(10, below: 50)) }
        for _ in 1...2 { #expect(!isLeftOut(60, below: 50)) }
        // Three are left.
        for _ in 1...6 { #expect(isLeftOut(5, below: 50)) }
        #expect(usual == 100)
        #expect(!isLeftOut(5, below: 50))
        #expect(usual == 10)
        // More than there are to take away are no credit.
        for _ in 1...3 { #expect(!isLeftOut(60, below: 50)) }
        for _ in 1...9 { #expect(isLeftOut(5, below: 50)) }
        #expect(!isLeftOut(5, below: 50))
        #expect(usual == 5)
    }

    @Test("A first call that was far too short is not taken for what the service can do")
    func firstOutlier() {
        var feed = Feed(VegasLimit(initial: 10, maximum: 20))
        feed.call(1)
        // No queue makes more than ten times of it.
        feed.call(10)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(1))
        feed.call(10.1)
        #expect(feed.limit.shortestRoundTripTime == .microseconds(10_100))
    }

    @Test(
        "Once ten calls took more than twice the shortest, or 200 were compared, the shortest stands",
        arguments: [true, false])
    func afterTheFirst(byLonger: Bool) {
        for missing in [0, 1] {
            var feed = Feed(VegasLimit(initial: 500, maximum: 1000, probeInterval: 1_000_000))
            feed.call(1)
            for _ in 0..<(byLonger ? 10 : 200) - missing { feed.call(byLonger ? 2.1 : 2, inFlight: 1) }
            feed.call(11, inFlight: 1)
            #expect(feed.limit.shortestRoundTripTime == .milliseconds(missing == 1 ? 11 : 1), "\(missing)")
        }
    }

    @Test("Vegas: calls of less than half the shortest time count once they are the rule")
    func fasterService() {
        var feed = Feed(VegasLimit(initial: 500, maximum: 1000, probeInterval: 1_000_000))
        feed.call(10)
        for time in [4, 3, 3, 3, 3, 3, 3, 3, 3] as [Double] { feed.call(time, inFlight: 1) }
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(10))
        feed.call(4, inFlight: 1)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(4))
        // Half of it is not less than half.
        feed.call(2, inFlight: 1)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(2))
    }

    @Test("Vegas: a probe that finds less than half of the shortest time is believed the second time in a row")
    func doubtfulProbe() {
        var feed = Feed(VegasLimit(initial: 20, maximum: 20))
        func probe(_ time: Double) {
            while feed.limit.limit == 20 { feed.call(10, inFlight: 1) }
            while feed.limit.limit < 19 { feed.call(time, inFlight: 1) }
        }
        feed.call(10)
        probe(4)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(10))
        probe(10)
        probe(4)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(10))
        probe(4)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(4))
        probe(2)
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(2))
    }

    @Test("Vegas: a probe that comes before any call is believed at once")
    func firstProbe() {
        var feed = Feed(VegasLimit(initial: 1, maximum: 1, probeInterval: 1))
        for _ in 1...12 { feed.call(5, inFlight: 1) }
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(5))
        // Had the first call counted, it would not be the shortest of those that the probe has measured.
        feed = Feed(VegasLimit(initial: 1, maximum: 1, probeInterval: 1))
        feed.call(1, inFlight: 1)
        #expect(feed.limit.shortestRoundTripTime == nil)
        for _ in 1...11 { feed.call(5, inFlight: 1) }
        #expect(feed.limit.shortestRoundTripTime == .milliseconds(5))
    }

    @Test("Vegas: what it has compared is handed on, so that a late outlier does not count as a first one")
    func resumed() {
        var feed = Feed(VegasLimit(initial: 500, maximum: 1000, probeInterval: 1_000_000))
        feed.call(1)
        for _ in 0..<200 { feed.call(2, inFlight: 1) }
        var next = Feed(VegasLimit(initial: 500, maximum: 1000, probeInterval: 1_000_000))
        next.limit.resume(from: feed.limit)
        next.call(11, inFlight: 1)
        #expect(next.limit.shortestRoundTripTime == .milliseconds(1))
    }

    @Test("Gradient2: the first ten calls make the average, whatever was in use; later ones only below half use")
    func gradientWarmUp() {
        var feed = Feed(Gradient2Limit())
        for time in 10...19 { feed.call(Double(time)) }
        let average = feed.limit.averageRoundTripTime ?? .zero
        #expect(abs(average / .milliseconds(1) - 14.5) < 1e-5)
        feed.call(12)
        #expect(feed.limit.averageRoundTripTime == average)
        feed.call(20, inFlight: 1)
        #expect(feed.limit.averageRoundTripTime ?? .zero > average)
    }

    @Test("Gradient2: a call that took forever counts as ten times the average")
    func gradientOutlier() {
        var feed = Feed(Gradient2Limit())
        for _ in 1...10 { feed.call(10) }
        feed.call(1e9, inFlight: 1)
        let average = (feed.limit.averageRoundTripTime ?? .zero) / .milliseconds(1)
        #expect(abs(average - (10 + 90 * 2 / 601.0)) < 1e-5)
    }

    @Test("What is forgotten of fast calls leaves nothing behind")
    func forgottenFastCalls() {
        var (fast, usual) = (FastCalls(), 100 as Double?)
        let isLeftOut = [10, 100].map { fast.leavesOut($0, below: 50, lowering: &usual) }
        #expect(isLeftOut == [true, false] && fast == FastCalls())
    }

    @Test("The first call is what Gradient2 compares with, to the nanosecond, also where no double is next to it")
    func firstAverage() {
        let time = Duration.nanoseconds((1 << 53) + 2)
        var limit = Gradient2Limit()
        limit.record(roundTripTime: time, inFlight: 20, isDropped: false, at: instant(0))
        #expect(limit.averageRoundTripTime == time)
    }
}
