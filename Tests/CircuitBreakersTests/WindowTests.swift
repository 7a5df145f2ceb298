import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// What a window counts, and when it forgets.
@Suite(.timeLimit(.minutes(30)))
struct WindowTests {
    /// A window and the time it is told.
    private struct Timed {
        var window: OutcomeWindow
        var now = TimeSource.Instant(nanoseconds: 0)

        init(_ window: CircuitBreaker.Window) {
            self.window = OutcomeWindow(window, now: now)
        }

        mutating func advance(_ duration: Duration) { now = now.advanced(by: duration) }

        mutating func record(_ script: String, startedAt start: TimeSource.Instant? = nil) {
            for letter in script {
                if letter == "X" {
                    window.recordIgnored(startedAt: start ?? now, now: now)
                } else {
                    window.record(letter == "F" ? .failure : [], startedAt: start ?? now, now: now)
                }
            }
        }

        mutating func read() -> Counts {
            window.expire(now: now)
            return window.counts
        }
    }

    @Test("PO-02: the parts of a window are forgotten one after another")
    func parts() {
        var timed = Timed(.time(.seconds(10), buckets: 10))
        var readings: [[Int]] = []
        for script in ["FS", "FS", "SS", "SS", "SS"] {
            timed.record(script)
            timed.advance(.seconds(2))
            let counts = timed.read()
            readings.append([counts.calls, counts.failures])
        }
        #expect(readings == [[2, 1], [4, 2], [6, 2], [8, 2], [8, 1]])
        #expect(timed.read().failureRate == 0.125)
        timed.advance(.seconds(2))
        #expect(timed.read().calls == 6 && timed.read().failureRate == 0)
    }

    @Test("PO-03: a part is gone at exactly the window's length")
    func exactExpiry() {
        var timed = Timed(.time(.seconds(10)))
        for _ in 1...10 {
            timed.record("S")
            timed.advance(.seconds(1))
        }
        #expect(timed.read().calls == 9)
        timed.advance(.seconds(1))
        #expect(timed.read().calls == 8)
    }

    @Test("PO-04: all are gone at exactly the window's length, and after", arguments: [10_000, 10_001])
    func allGone(milliseconds: Int) {
        var timed = Timed(.time(.seconds(10)))
        timed.record("SS")
        timed.advance(.milliseconds(milliseconds))
        #expect(timed.read().row == [0, 0, 0, 0, 2, 0] && timed.read().failureRate == nil)
    }

    @Test("PO-04: and not a nanosecond before")
    func notYetGone() {
        var timed = Timed(.time(.seconds(10)))
        timed.record("SS")
        timed.advance(.seconds(10) - .nanoseconds(1))
        #expect(timed.read().calls == 2)
        timed.advance(.nanoseconds(1))
        #expect(timed.read().calls == 0)
    }

    @Test("PO-05: an interval is forgotten as a whole")
    func interval() {
        var timed = Timed(.interval(.milliseconds(100)))
        timed.record("SS")
        timed.advance(.milliseconds(99))
        timed.record("F")
        #expect(timed.read().calls == 3)
        timed.advance(.milliseconds(1))
        #expect(timed.read().row == [0, 0, 0, 0, 0, 1])
    }

    @Test("X-10: an idle window is empty when it is read", arguments: [true, false])
    func idle(observed: Bool) throws {
        let stage = try Stage(
            .init(trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(10))), observed: observed)
        try stage.play(String(repeating: "SSSSSSSSSF", count: 10))
        #expect(stage.breaker.failureRate == 0.1)
        stage.clock.advance(by: .seconds(60))
        #expect(stage.breaker.failureRate == nil)
        // But for the row, which no window shortens.
        #expect(stage.breaker.counts.row == [0, 0, 0, 0, 0, 1] && stage.breaker.counts.timed == 0)
    }

    @Test("a ring of calls forgets the oldest")
    func ring() {
        var timed = Timed(.calls(3))
        timed.record("FFS")
        #expect(timed.read().row == [3, 1, 2, 0, 1, 0])
        timed.record("SS")
        #expect(timed.read().row == [3, 3, 0, 0, 3, 0])
        timed.record("S")
        // A streak may be longer than the window.
        #expect(timed.read().row == [3, 3, 0, 0, 4, 0])
    }

    @Test("slow calls leave with their place")
    func slowCalls() {
        var timed = Timed(.calls(2))
        timed.window.record(.slow, startedAt: timed.now, now: timed.now)
        timed.window.record([.slow, .failure], startedAt: timed.now, now: timed.now)
        #expect(timed.read().slow == 2)
        timed.record("S")
        #expect(timed.read().slow == 1 && timed.read().failures == 1)
        timed.record("S")
        #expect(timed.read().slow == 0 && timed.read().failures == 0)
    }

    @Test("a result counts in the part in which its call started")
    func startPart() {
        var timed = Timed(.time(.seconds(10)))
        let start = timed.now
        timed.advance(.seconds(5))
        timed.record("FX", startedAt: start)
        timed.record("F")
        #expect(timed.read().failures == 2 && timed.read().ignored == 1)
        timed.advance(.seconds(5) - .nanoseconds(1))
        #expect(timed.read().failures == 2 && timed.read().ignored == 1)
        timed.advance(.nanoseconds(1))
        #expect(timed.read().failures == 1 && timed.read().ignored == 0)
    }

    @Test("a call that took more than half of the window counts in the part in which it ended", arguments: 0...40)
    func lateResults(seconds: Int) {
        for (window, parts) in [
            (CircuitBreaker.Window.time(.seconds(10)), 10), (.time(.seconds(10), buckets: 5), 5),
            (.time(.seconds(10), buckets: 3), 3), (.interval(.seconds(10)), 1),
        ] {
            var timed = Timed(window)
            let start = timed.now
            timed.advance(.seconds(seconds))
            timed.record("FX", startedAt: start)
            #expect(timed.read().failures == 1 && timed.read().ignored == 1, "\(seconds) s, \(parts) parts")
            #expect(timed.read().consecutiveFailures == 1)
            // It stays for about half of the window at least, and never for longer than the window.
            let width = 10.0 / Double(parts)
            timed.advance(.seconds(max(0, 10 - width * Double(parts / 2 + 1))))
            #expect(timed.read().failures == 1, "\(seconds) s, \(parts) parts")
            timed.advance(.seconds(10))
            #expect(timed.read().failures == 0 && timed.read().ignored == 0)
        }
    }

    @Test("streaks are kept apart from the window")
    func streaks() {
        for window: CircuitBreaker.Window in [.time(.seconds(10)), .interval(.seconds(10)), .calls(2), .unbounded] {
            var timed = Timed(window)
            for number in 1...5 {
                timed.record("FX")
                #expect(timed.read().consecutiveFailures == number)
                timed.advance(.seconds(19))
            }
            timed.record("S")
            #expect(timed.read().consecutiveFailures == 0 && timed.read().consecutiveSuccesses == 1)
            timed.advance(.seconds(100))
            #expect(timed.read().consecutiveSuccesses == 1)
        }
    }

    @Test("durations leave with their calls")
    func durations() {
        for (window, rest) in [(CircuitBreaker.Window.calls(3), [3, 4, 5]), (.unbounded, [1, 2, 3, 4, 5])] {
            var timed = Timed(window)
            timed.record("SF")
            for seconds in 1...5 as ClosedRange<Int64> {
                timed.window.record([], startedAt: timed.now, taking: seconds * 1_000_000_000, now: timed.now)
            }
            let sum = rest.reduce(0, +)
            #expect(timed.read().timed == rest.count && timed.read().totalDuration == .seconds(sum))
            #expect(timed.read().meanDuration == .seconds(Double(sum) / Double(rest.count)))
        }
        var timed = Timed(.time(.seconds(10)))
        for seconds in [1, 2] as [Int64] {
            timed.window.record([], startedAt: timed.now, taking: seconds * 1_000_000_000, now: timed.now)
            timed.advance(.seconds(5))
        }
        #expect(timed.read().totalDuration == .seconds(2) && timed.read().meanDuration == .seconds(2))
        timed.advance(.seconds(5))
        #expect(timed.read().totalDuration == .zero && timed.read().meanDuration == nil)
    }

    @Test("a duration below zero, of a clock that was set back, counts as none and leaves with its call")
    func negativeDurations() {
        for duration: Int64 in [.min, -1_000_000_000, -1] {
            var timed = Timed(.calls(2))
            timed.window.record([], startedAt: timed.now, taking: duration, now: timed.now)
            #expect(timed.read().timed == 1 && timed.read().totalDuration == .zero)
            timed.record("SS")
            #expect(timed.read().timed == 0 && timed.read().totalDuration == .zero)
        }
    }

    @Test("successes that are brought in together push out slow and timed calls like any others")
    func bulk() {
        for (mark, duration) in [(CallFlags.slow, nil), ([], 5), (.slow, 5)] as [(CallFlags, Int64?)] {
            var timed = Timed(.calls(3))
            for _ in 1...3 {
                timed.window.record(mark, startedAt: timed.now, taking: duration, now: timed.now)
            }
            timed.window.recordSuccesses(2)
            #expect(timed.read().slow == (mark.isEmpty ? 0 : 1) && timed.read().timed == (duration == nil ? 0 : 1))
            timed.window.recordSuccesses(5)
            #expect(timed.read().slow == 0 && timed.read().timed == 0 && timed.read().successes == 3)
        }
    }

    @Test("a window of calls keeps no durations until one is known")
    func unknownDurations() {
        var timed = Timed(.calls(3))
        timed.record("SFSS")
        #expect(timed.window.durations.isEmpty)
        timed.window.record([], startedAt: timed.now, taking: 7, now: timed.now)
        #expect(timed.window.durations.count == 3 && timed.read().totalDuration == .nanoseconds(7))
    }

    @Test("without parts every moment is in the present one, and with them that of the window's length divided")
    func presentPart() {
        #expect(Timed(.unbounded).window.presentPart == .min..<(.max))
        #expect(Timed(.calls(3)).window.presentPart == nil)
        var timed = Timed(.time(.nanoseconds(100), buckets: 10))
        timed.advance(.nanoseconds(35))
        timed.record("S")
        #expect(timed.window.presentPart == 30..<40)
    }

    @Test("a window is never shorter than asked for")
    func rounding() {
        // Three parts of a second that cannot be divided by three: each is rounded up.
        var timed = Timed(.time(.seconds(1), buckets: 3))
        timed.record("S")
        timed.advance(.seconds(1))
        #expect(timed.read().calls == 1)
        timed.advance(.nanoseconds(2))
        #expect(timed.read().calls == 0)
        // Not even if it is shorter than the clock can tell.
        var tiny = Timed(.time(.nanoseconds(1), buckets: 10_000))
        tiny.record("S")
        #expect(tiny.read().calls == 1)
        tiny.advance(.nanoseconds(10_000))
        #expect(tiny.read().calls == 0)
    }

    @Test("extreme times do not trap")
    func extremes() {
        for window: CircuitBreaker.Window in [
            .time(.nanoseconds(Int64.max)), .interval(.nanoseconds(Int64.max)), .time(.nanoseconds(1), buckets: 1),
        ] {
            for origin: Int64 in [.min, -1, 0, .max] {
                let origin = TimeSource.Instant(nanoseconds: origin)
                var window = OutcomeWindow(window, now: origin)
                for now: Int64 in [.min, 0, .max] {
                    let now = TimeSource.Instant(nanoseconds: now)
                    for start: Int64 in [.min, 0, .max] {
                        window.record(.failure, startedAt: .init(nanoseconds: start), now: now)
                        window.recordIgnored(startedAt: .init(nanoseconds: start), now: now)
                    }
                    window.expire(now: now)
                    var copy = OutcomeWindow(.time(.seconds(1)), now: now)
                    copy.adopt(window.contents(now: now), now: now)
                    #expect(window.counts.failures >= 0 && copy.counts.failures >= 0)
                }
            }
        }
    }
}
