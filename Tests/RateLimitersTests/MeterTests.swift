import ResilienceCore
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
                let lacking = if case .paced = meter { Int(ahead) * rule.limit } else { 0 }
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

    #if !DEBUG
        @Test("in an optimised build a log's array is not copied, whatever is asked of the meter")
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
            meter.giveBack(1, &state, receipt: 39, at: 39)
            #expect(place(of: state) == first, "giveBack")
            meter.rewind(&state, to: 30)
            #expect(place(of: state) == first, "rewind")
        }
    #endif
}
