import ResilienceCore
import TestSupport
import Testing

@testable import RateLimiters

/// Meters of all kinds, told the time.
@Suite("Meters") struct MeterTests {
    static let kinds = RateLimiter.Rule.kinds
    private static let second: Int64 = 1_000_000_000

    private func meter(_ rule: Rule) -> AnyRateMeter { rule.meter(anchor: 0) }

    @Test("permits that were taken at a moment which has not come count as taken now", arguments: kinds)
    func rewind(rule: Rule) {
        let meter = meter(rule)
        for ahead in [1, 1800, 1_000_000] as [Int64] {
            for permits in 1...rule.burst {
                let (now, later) = (20 * Self.second, (20 + ahead) * Self.second)
                var state = meter.unused
                meter.take(permits, &state, at: later)
                let before = meter.available(state, at: later)
                meter.rewind(&state, to: now)
                // A bucket lacks also what would have come until then, but no more than it holds.
                let lacking = if case .paced = meter { Int(ahead) * rule.permits } else { 0 }
                let expected = max(0, before - lacking)
                #expect(meter.available(state, at: now) == expected, "\(permits), \(ahead) s ahead")
                #expect(!meter.isUnused(state, at: now) && meter.isUnused(state, at: now + 10 * Self.second))
                // Once more changes nothing.
                let once = state
                meter.rewind(&state, to: now)
                #expect(state == once)
            }
        }
    }

    @Test("what is not in use is not in use by a rule of another kind either", arguments: kinds, kinds)
    func carryUnused(rule: Rule, other: Rule) {
        let (old, new) = (meter(rule), meter(other))
        let now = 100 * Self.second
        #expect(new.isUnused(new.carry(old.unused, from: old, at: now), at: now))
        var state = old.unused
        old.take(1, &state, at: 0)
        #expect(new.isUnused(new.carry(state, from: old, at: now), at: now))
    }

    @Test("a meter that got back at once all that was taken is as good as unused", arguments: kinds)
    func giveBackAll(rule: Rule) {
        let meter = meter(rule)
        for now in [-7, 0, 3, 100 * Self.second] as [Int64] {
            for permits in 1...rule.burst {
                var state = meter.unused
                let receipt = meter.take(permits, &state, at: now)
                #expect(!meter.isUnused(state, at: now))
                meter.giveBack(permits, &state, receipt: receipt, at: now)
                #expect(meter.isUnused(state, at: now), "\(permits) at \(now)")
            }
        }
    }

    @Test(
        "a window before the first ends where that begins, however long it is",
        arguments: [1, 7, Self.second, 1 << 62, .max], [0, 10, Self.second])
    func windowBeforeTheFirst(length: Int64, anchor: Int64) {
        let meter = FixedWindowMeter(limit: 3, length: length, anchor: anchor)
        var state = meter.unused
        #expect(meter.take(3, &state, at: anchor - 1) == anchor - length)
        #expect(meter.earliest(1, state, from: anchor - 1) == anchor && meter.available(state, at: anchor - 1) == 0)
        #expect(meter.available(state, at: anchor) == 3 && meter.isUnused(state, at: anchor))
        let counter = SlidingCounterMeter(limit: 3, length: length, anchor: anchor)
        var counted = counter.unused
        #expect(counter.take(3, &counted, at: anchor - 1) == anchor - length)
        #expect(counter.take(0, &counted, at: anchor) == anchor && counted.previous == 3)
    }

    /// Short times, with rates that are no whole number of nanoseconds among them.
    private static let small: [Rule] = [
        .tokenBucket(2, per: .nanoseconds(3), burst: 1), .tokenBucket(3, per: .nanoseconds(7), burst: 4),
        .tokenBucket(5, per: .nanoseconds(8), burst: 2), .tokenBucket(7, per: .nanoseconds(50), burst: 4),
        .tokenBucket(1, per: .nanoseconds(1), burst: 2), .pacing(3, per: .nanoseconds(10)),
        .fixedWindow(3, per: .nanoseconds(10)), .fixedWindow(1, per: .nanoseconds(1)),
        .slidingWindow(4, per: .nanoseconds(9)), .slidingWindow(1, per: .nanoseconds(5)),
        .slidingWindow(7, per: .nanoseconds(3)), .slidingLog(3, per: .nanoseconds(9)),
        .slidingLog(1, per: .nanoseconds(1)),
    ]

    @Test("the moment that is told is the first at which the permits are there, and an ask gets them", arguments: small)
    func firstMoment(rule: Rule) throws {
        let meter = rule.meter(anchor: -50)
        try forSeeds(1...20) { seed, random in
            var state = meter.unused
            var now: Int64 = -150
            for _ in 0..<60 {
                now += Int64.random(in: 0...5, using: &random)
                let permits = Int.random(in: 1...rule.burst, using: &random)
                guard let due = meter.earliest(permits, state, from: now) else {
                    throw Difference("never, at \(now)")
                }
                #expect(due >= now && meter.available(state, at: due) >= permits, "seed \(seed), at \(now)")
                #expect(due == now || meter.available(state, at: due - 1) < permits, "seed \(seed), at \(now)")
                var (taken, asked) = (state, state)
                let receipt = meter.take(permits, &taken, at: now)
                switch meter.ask(permits, &asked, at: now, maxWait: 0) {
                case .taken(let other): #expect(due == now && other == receipt && asked == taken)
                case .later(let moment, let least): #expect(moment == due && least == 0 && asked == state)
                case .beyondTime, .never: Issue.record("seed \(seed), at \(now)")
                }
                state = asked
            }
        }
    }

    private static let longest = Duration.nanoseconds(Int64.max)

    @Test(
        "an unused meter is unused at every time, however long a period is",
        arguments: kinds + small + [
            .tokenBucket(1, per: longest), .pacing(1, per: longest), .fixedWindow(3, per: longest),
            .slidingWindow(3, per: longest), .slidingLog(3, per: longest),
        ])
    func unusedAtAnyTime(rule: Rule) {
        let meter = meter(rule)
        for now in [.min, .min + 1, -1 << 60, -1, 0, 1, 1 << 60, .max] as [Int64] {
            #expect(meter.isUnused(meter.unused, at: now), "at \(now)")
            #expect(meter.available(meter.unused, at: now) == rule.burst, "at \(now)")
        }
    }

    @Test(
        "no number of permits is so great that it is given",
        arguments: [.max, .max - 1, 1 << 62, 1 << 61 + 1, Int.max / 3 + 1, Int.max / 2 + 2])
    func tooMany(permits: Int) {
        for nanoseconds in [2, 3, 4, 6, 1_000] {
            for rule in [.pacing(1, per: .nanoseconds(nanoseconds)), .tokenBucket(1, per: .nanoseconds(nanoseconds))]
                + Self.kinds
            {
                let meter = meter(rule)
                #expect(meter.leastWait(permits) == nil, "\(rule)")
                var state = meter.unused
                guard case .never = meter.ask(permits, &state, at: 0, maxWait: .max) else {
                    Issue.record("\(rule) gives them")
                    continue
                }
                #expect(state == meter.unused)
            }
        }
    }

    @Test("pacing: the last of several permits has the place of one", arguments: [1, 3, 10, 1_000] as [Int64], 1...5)
    func severalAtOnce(interval: Int64, permits: Int) {
        let meter = meter(.pacing(1, per: .nanoseconds(interval)))
        let length = Int64(permits - 1) * interval
        #expect(meter.leastWait(permits) == length)
        for asked in [-5, 0, 70] as [Int64] {
            var state = meter.unused
            #expect(meter.earliest(permits, state, from: asked) == asked + length)
            meter.take(permits, &state, at: asked + length)
            #expect(meter.earliest(1, state, from: asked + length) == asked + length + interval)
            #expect(meter.earliest(2, state, from: asked + length) == asked + length + 2 * interval)
        }
    }

    @Test("units are never shorter than a nanosecond, and count the rate exactly")
    func units() {
        for (limit, period) in [(3, 1_000_000_000), (2, 3), (7, 50), (10, 4_000), (999_999_937, 1_000_000_000)] {
            let meter = PacedMeter(limit: limit, period: Int64(period), burst: 4, isUnbounded: false)
            #expect(Int(meter.cost) * limit * Int(meter.nanoseconds) == Int(meter.units) * period)
            #expect(meter.units <= meter.nanoseconds && meter.nanoseconds < 2 * meter.units && meter.burst == 4)
            for now in [-1 << 60, -1_000_000_007, -50, -7, -4, -3, -2, -1, 0, 1, 2, 3, 49, 50, 1 << 60] as [Int64] {
                let (position, units) = (meter.position(now), Ratio(Int128(meter.units), Int128(meter.nanoseconds)))
                let exact = Ratio(Int128(now) * units.numerator, units.denominator)
                #expect(Ratio(Int(position)) <= exact && exact < Ratio(Int(position + 1)), "\(limit), at \(now)")
                // The first moment of a position is the first that has it.
                let first = meter.moment(position)
                #expect(first.map { meter.position($0) == position && meter.position($0 - 1) < position } == true)
            }
            #expect((meter.moment(.max) == nil) == (meter.units < meter.nanoseconds))
        }
    }

    @Test("a bucket tells of a moment that has not come, if only by that so much can have been taken")
    func latestMoment() {
        for rule in Self.kinds + Self.small {
            let meter = meter(rule)
            for moment in [-40, 0, 7, 20 * Self.second] as [Int64] {
                var state = meter.unused
                #expect(meter.latestMoment(state, after: .min) == nil)
                meter.take(rule.burst, &state, at: moment)
                let latest = meter.latestMoment(state, after: moment - 10)
                guard case .paced(let paced) = meter else {
                    #expect(latest == nil)
                    continue
                }
                #expect(latest == paced.moment(paced.position(moment)), "\(rule)")
                #expect(meter.latestMoment(state, after: moment) == nil, "\(rule)")
            }
        }
    }

    // MARK: Giving back

    @Test("a sliding window takes permits back from the window in which they were taken, as long as that counts")
    func giveBackToWindow() {
        let meter = SlidingCounterMeter(limit: 10, length: 100, anchor: 0)
        var state = meter.unused
        let (first, second) = (meter.take(6, &state, at: 10), meter.take(2, &state, at: 110))
        #expect(first == 0 && second == 100 && meter.available(state, at: 150) == 5)
        meter.giveBack(4, &state, receipt: first, at: 150)
        #expect(meter.available(state, at: 150) == 7)
        for other in [-100, 50, 101, 200] as [Int64] { meter.giveBack(1, &state, receipt: other, at: 150) }
        #expect(meter.available(state, at: 150) == 7)
        meter.giveBack(5, &state, receipt: second, at: 150)
        #expect(meter.available(state, at: 150) == 9)
        meter.giveBack(9, &state, receipt: first, at: 150)
        #expect(meter.available(state, at: 150) == 10 && meter.isUnused(state, at: 150))
        meter.take(10, &state, at: 150)
        #expect(meter.available(state, at: 150) == 0)
    }

    @Test("a fixed window takes back what was taken in it, and no more")
    func giveBackToFixedWindow() {
        let meter = FixedWindowMeter(limit: 10, length: 100, anchor: 0)
        var state = meter.unused
        let first = meter.take(6, &state, at: 10)
        let second = meter.take(3, &state, at: 110)
        meter.giveBack(6, &state, receipt: first, at: 110)
        #expect(meter.available(state, at: 110) == 7)
        meter.giveBack(2, &state, receipt: second, at: 120)
        #expect(meter.available(state, at: 120) == 9)
        meter.giveBack(4, &state, receipt: second, at: 130)
        #expect(meter.available(state, at: 130) == 10 && meter.available(state, at: 100) == 10)
    }

    @Test("a log takes back what was taken at that moment, and no more")
    func giveBackToLog() {
        let meter = SlidingLogMeter(limit: 10, length: 100)
        var state = meter.unused
        for (permits, moment) in [(1, 0), (2, 40), (2, 40), (3, 90)] as [(Int, Int64)] {
            #expect(meter.take(permits, &state, at: moment) == moment)
        }
        #expect(meter.available(state, at: 90) == 2 && state.entries.count == 3)
        meter.giveBack(1, &state, receipt: 41, at: 90)
        #expect(meter.available(state, at: 90) == 2)
        meter.giveBack(3, &state, receipt: 40, at: 90)
        #expect(meter.available(state, at: 90) == 5 && state.entries.count == 3)
        meter.giveBack(7, &state, receipt: 40, at: 90)
        #expect(meter.available(state, at: 90) == 6 && state.entries.map(\.moment) == [0, 90] && state.used == 4)
        meter.giveBack(1, &state, receipt: 90, at: 95)
        #expect(meter.available(state, at: 95) == 7 && meter.available(state, at: 100) == 8)
        // What has left the window is not there to be given back.
        meter.take(1, &state, at: 101)
        meter.giveBack(1, &state, receipt: 0, at: 101)
        #expect(meter.available(state, at: 101) == 7 && state.used == 3)
    }

    @Test("permits that are taken at one moment are given back as one", arguments: [0, 1, 5, 60] as [Int64], 0...3)
    func oneMoment(step: Int64, before: Int) {
        let meter = SlidingLogMeter(limit: 50, length: 20)
        var state = meter.unused
        for number in 0..<Int64(before) { meter.take(1, &state, at: number * step) }
        let now = Int64(before) * max(1, step)
        let counted = meter.available(state, at: now)
        for permits in 1...4 { #expect(meter.take(permits, &state, at: now) == now) }
        #expect(state.entries.last?.permits == 10 && meter.available(state, at: now) == counted - 10)
        // One that another thread has overtaken belongs to the later moment.
        #expect(meter.take(1, &state, at: now - 1) == now)
        meter.giveBack(11, &state, receipt: now, at: now)
        #expect(meter.available(state, at: now) == counted)
    }

    @Test("a log holds no more moments than twice those that count", arguments: [1, 2, 5, 40])
    func memoryOfLog(limit: Int) {
        let meter = SlidingLogMeter(limit: limit, length: 50)
        var state = meter.unused
        for step in 0..<1_000 as Range<Int64> {
            let now = step * 7
            if meter.available(state, at: now) > 0 { meter.take(1, &state, at: now) }
            #expect(state.entries.count <= 2 * limit && state.first <= state.entries.count)
            #expect(state.used == state.entries[state.first...].reduce(0) { $0 + $1.permits })
        }
        #expect(meter.isUnused(state, at: 7_050) && !meter.isUnused(state, at: 6_993))
    }

    // MARK: Other rules of a kind

    @Test("a bucket with another rate lacks as many permits as before, rounded up, and no more than it holds")
    func carryBucket() {
        for (old, new) in [(1, 1), (2, 3), (3, 2), (7, 50), (50, 7)] as [(Int64, Int64)] {
            for burst in [2, 5] {
                let before = PacedMeter(limit: 1, period: old, burst: 4, isUnbounded: false)
                let after = PacedMeter(limit: 1, period: new, burst: burst, isUnbounded: false)
                for lacking in -3...4 * old {
                    for now in [-20, 0, 1_000] as [Int64] {
                        let carried = after.carry(now + lacking, from: before, at: now) - now
                        let exact = min(Ratio(Int128(max(0, lacking) * new), Int128(old)), Ratio(Int(new) * burst))
                        #expect(Ratio(Int(carried)) >= exact && Ratio(Int(carried - 1)) < exact, "\(old) to \(new)")
                    }
                }
            }
        }
    }

    @Test("a sliding window of another length counts its estimate as taken now; of another limit it goes on")
    func carrySlidingWindow() {
        let old = SlidingCounterMeter(limit: 10, length: 100, anchor: 0)
        var state = old.unused
        old.take(6, &state, at: 10)
        old.take(2, &state, at: 110)
        for limit in [4, 10, 20] {
            let same = SlidingCounterMeter(limit: limit, length: 100, anchor: 0)
            #expect(same.carry(state, from: old, at: 150) == state)
            #expect(same.carry(state, from: old, at: 230) == .init(start: 200, previous: 2, current: 0))
            for length in [30, 400] as [Int64] {
                let other = SlidingCounterMeter(limit: limit, length: length, anchor: 0)
                let carried = other.carry(state, from: old, at: 150)
                #expect(other.available(carried, at: 150) == max(0, limit - 5), "\(limit), \(length)")
                #expect(carried == .init(start: 150 / length * length, previous: 0, current: 5))
            }
        }
    }

    @Test("of a log of another length counts what counted before, as long as it is within the new one, too")
    func carryLog() {
        let old = SlidingLogMeter(limit: 10, length: 10)
        var state = old.unused
        old.take(3, &state, at: 0)
        old.take(2, &state, at: 8)
        for (length, used) in [(3, 0), (4, 0), (5, 2), (10, 2), (100, 2)] as [(Int64, Int)] {
            let new = SlidingLogMeter(limit: 6, length: length)
            let carried = new.carry(state, from: old, at: 12)
            #expect(new.available(carried, at: 12) == 6 - used, "\(length)")
            #expect(carried.used == Int64(used) && carried.entries.count - carried.first == (used > 0 ? 1 : 0))
        }
    }

    @Test("the window of a moment is the one of the grid in which it lies, wherever that begins")
    func grid() {
        for length in [1, 2, 7, 1 << 40] as [Int64] {
            for anchor in [-1 << 50, -3, 0, 1, 5, 1 << 50] as [Int64] {
                let grid = WindowGrid(anchor: anchor, length: length)
                for moment in [-1 << 60, -9, -7, -1, 0, 1, 6, 7, 8, 1 << 60] as [Int64] {
                    let start = grid.start(of: moment)
                    #expect((start - anchor) % length == 0 && start <= moment && moment < start + length)
                    #expect(grid.end(of: start) == start + length && grid.reaches(start, start + length - 1))
                    #expect(!grid.reaches(start, start + length) && grid.reaches(start, start - 1))
                }
            }
        }
        // Where no instant holds its start or its end.
        let longest = WindowGrid(anchor: 0, length: .max)
        #expect(longest.start(of: .min) == .min && WindowGrid(anchor: 5, length: 10).start(of: .min) == .min)
        #expect(longest.end(of: 0) == .max && longest.end(of: 1) == nil && longest.reaches(1, .max))
        // Further from the first window than an instant tells, one begins with its first use.
        for length in [7, 10, 1 << 40] as [Int64] {
            #expect(WindowGrid(anchor: -5, length: length).start(of: .max - 1) == .max - 1)
            #expect(WindowGrid(anchor: 5, length: length).start(of: .min + 1) == .min + 1)
        }
    }

    #if !DEBUG
        @Test("in an optimised build a log's array is not copied where permits are taken")
        func logIsNotCopied() {
            let meter = meter(.slidingLog(100, per: .seconds(100)))
            func place(of state: AnyRateMeter.State) -> UnsafeRawPointer? {
                guard case .slidingLog(let log) = state else { return nil }
                return log.entries.withUnsafeBufferPointer { UnsafeRawPointer($0.baseAddress) }
            }
            var state = meter.unused
            for moment in 0..<40 as Range<Int64> { meter.take(1, &state, at: moment) }
            let first = place(of: state)
            meter.take(2, &state, at: 39)
            #expect(place(of: state) == first, "take")
            _ = meter.ask(2, &state, at: 39, maxWait: 0)
            #expect(place(of: state) == first, "ask")
        }
    #endif

    @Test("a state of another kind is in use and has no permits")
    func otherKind() {
        let meters = Self.kinds.map { meter($0) }
        for meter in meters {
            for var state in meters.map(\.unused) {
                switch (meter, state) {
                case (.paced, .paced), (.fixedWindow, .fixedWindow), (.slidingCounter, .slidingCounter),
                    (.slidingLog, .slidingLog):
                    continue
                default: break
                }
                #expect(meter.available(state, at: 0) == 0 && !meter.isUnused(state, at: 0))
                #expect(meter.earliest(1, state, from: 0) == nil)
                let before = state
                meter.take(1, &state, at: 0)
                meter.giveBack(1, &state, receipt: 0, at: 0)
                meter.rewind(&state, to: 0)
                #expect(state == before)
            }
        }
    }

    @Test("permits that cost more than is ever counted give nothing back")
    func givingBackBeyondPrice() {
        let meter = PacedMeter(limit: 1, period: 1000, burst: 1, isUnbounded: false)
        var arrival: Int64 = 1000
        meter.giveBack(.max, &arrival, receipt: 1000, at: 0)
        #expect(arrival == 1000)
    }
}
