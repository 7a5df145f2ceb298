import ResilienceCore
import Testing

@testable import Bulkheads

/// A limit that only takes notes.
private struct Notes: ConcurrencyLimit, Equatable {
    struct Call: Equatable {
        let milliseconds: Double
        let inFlight: Int
        let isDropped: Bool
        let second: Double
    }

    var calls: [Call] = []
    var isSeeded = false
    var limit: Int { calls.count }

    mutating func record(roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant) {
        calls.append(
            Call(
                milliseconds: roundTripTime / .milliseconds(1), inFlight: inFlight, isDropped: isDropped,
                second: Double(now.nanoseconds) / 1e9))
    }

    mutating func seed(from random: RandomSource) { isSeeded = true }
}

@Suite struct WindowedLimitTests {
    private struct Script {
        var limit = WindowedLimit(Notes())

        mutating func call(_ second: Double, _ milliseconds: Double, inFlight: Int = 1, isDropped: Bool = false) {
            limit.record(
                roundTripTime: .nanoseconds(Int64(milliseconds * 1e6)), inFlight: inFlight, isDropped: isDropped,
                at: .init(nanoseconds: Int64(second * 1e9)))
        }

        var calls: [Notes.Call] { limit.base.calls }
    }

    @Test("a summary: the average time, the most in flight, at the first call after a second")
    func summary() {
        var script = Script()
        for call in 0..<9 { script.call(0.1 * Double(call), 10, inFlight: call) }
        script.call(0.999, 20, inFlight: 3)
        #expect(script.calls == [])
        script.call(1, 22, inFlight: 5)
        #expect(script.calls == [.init(milliseconds: 12, inFlight: 8, isDropped: false, second: 1)])
        #expect(script.limit.limit == 1)
        for call in 1...11 { script.call(1 + 0.1 * Double(call), 5) }
        script.call(2.2, 5)
        #expect(script.calls.count == 2 && script.calls[1].milliseconds == 5)
        #expect(script.calls[1].inFlight == 1)
    }

    @Test("a window goes on until it has seen ten calls, for at most 30 times as long")
    func fewCalls() {
        var script = Script()
        for call in 0..<9 { script.call(Double(call), 10) }
        #expect(script.calls == [])
        script.call(9, 10)
        #expect(script.calls.map(\.second) == [9])
        for call in 0..<5 { script.call(100 + Double(call), 10) }
        script.call(130, 10)
        for call in 0..<9 { script.call(200, Double(call + 1)) }
        script.call(201, 10)
        #expect(script.calls.map(\.second) == [9, 201])
        #expect(script.calls[1].milliseconds == 5.5)
    }

    @Test("calls of less than 100 µs are left out, unless they were dropped")
    func fastCalls() {
        var script = Script()
        for _ in 0..<20 { script.call(0, 0.0999) }
        script.call(1, 0.0999)
        #expect(script.calls == [])
        for _ in 0..<9 { script.call(1, 0.1) }
        script.call(2, 0.01, isDropped: true)
        #expect(script.calls == [.init(milliseconds: 0.1, inFlight: 1, isDropped: true, second: 2)])
    }

    @Test("one drop makes the summary a drop; its time is no part of the average; a share may be tolerated")
    func drops() {
        var script = Script()
        for call in 0..<20 { script.call(0, 10, isDropped: call == 7) }
        script.call(1, 500, isDropped: true)
        #expect(script.calls == [.init(milliseconds: 10, inFlight: 1, isDropped: true, second: 1)])
        for _ in 0..<10 { script.call(2, 10, isDropped: true) }
        script.call(3, 30, isDropped: true)
        #expect(script.calls[1] == .init(milliseconds: 30, inFlight: 1, isDropped: true, second: 3))

        var tolerant = Script(limit: WindowedLimit(Notes(), toleratedDrops: 0.1))
        for call in 0..<19 { tolerant.call(0, 10, isDropped: call < 2) }
        tolerant.call(1, 10)
        for call in 0..<19 { tolerant.call(1, 10, isDropped: call < 3) }
        tolerant.call(2, 10)
        #expect(tolerant.calls.map(\.isDropped) == [false, true])
    }

    @Test("of ten times or more, one of over ten times the others' average is left out")
    func outlier() {
        let cases: [(times: [Double], average: Double)] = [
            (.init(repeating: 10, count: 9) + [100], 19), (.init(repeating: 10, count: 9) + [101], 10),
            ([101] + .init(repeating: 10, count: 9), 10), (.init(repeating: 9, count: 18) + [1000, 9], 9),
        ]
        for (times, average) in cases {
            var script = Script()
            for time in times { script.call(0, time) }
            // Decided at the first call after a second, here one that was dropped.
            script.call(1, 500, isDropped: true)
            #expect(script.calls.map(\.milliseconds) == [average], "\(times)")
        }
        // Of nine it is not known what the others are.
        var script = Script()
        for time in [10, 10, 10, 10, 10, 10, 10, 10, 118] as [Double] { script.call(0, time) }
        script.call(1, 500, isDropped: true)
        #expect(script.calls.map(\.milliseconds) == [22])
        // One alone is the average.
        var single = Script()
        for call in 0..<9 { single.call(0, 500, isDropped: call != 4) }
        single.call(0, 30)
        single.call(1, 500, isDropped: true)
        #expect(single.calls.map(\.milliseconds) == [265])
    }

    @Test("one call alone is the summary, to the nanosecond")
    func oneCall() {
        var script = Script(limit: WindowedLimit(Notes(), minimumSamples: 1))
        script.call(0, 10, inFlight: 7)
        script.call(1, 500, isDropped: true)
        #expect(script.calls == [.init(milliseconds: 10, inFlight: 7, isDropped: true, second: 1)])
    }

    @Test("a time that no clock measures is handed on as the longest")
    func longest() {
        var limit = WindowedLimit(Notes(), minimumSamples: 1)
        limit.record(roundTripTime: .seconds(1), inFlight: 1, isDropped: false, at: .init(nanoseconds: 0))
        limit.record(
            roundTripTime: .seconds(9e18), inFlight: 1, isDropped: false, at: .init(nanoseconds: 2_000_000_000))
        #expect(limit.base.calls.count == 1)
        #expect(limit.base.calls[0].milliseconds == 0x1p62 / 1e6)
    }

    @Test("a clock that goes back does no harm; the seed is handed on")
    func oddTimes() {
        var script = Script()
        for _ in 0..<20 { script.call(5, 10) }
        script.call(-5, 10)
        #expect(script.calls == [])
        script.call(6, 10)
        #expect(script.calls.count == 1)
        script.limit.seed(from: .constant(0))
        #expect(script.limit.base.isSeeded)
    }
}
