import ResilienceCore
import TestSupport
import Testing

@testable import RateLimiters

typealias Rule = RateLimiter.Rule

/// Each rule against an exact model, over random schedules.
@Suite("rules against their models", .timeLimit(.minutes(30)))
struct RuleModelTests {
    /// Periods of which the limit is a whole part, so that a unit of time is a nanosecond and the model is exact.
    static let wholeRules: [Rule] = [
        .tokenBucket(5, per: .nanoseconds(500), burst: 5), .tokenBucket(10, per: .nanoseconds(1000), burst: 3),
        .tokenBucket(1, per: .nanoseconds(70), burst: 40), .tokenBucket(100, per: .nanoseconds(100), burst: 7),
        .pacing(4, per: .nanoseconds(400)), .fixedWindow(5, per: .nanoseconds(300)),
        .fixedWindow(1, per: .nanoseconds(50)), .slidingWindow(6, per: .nanoseconds(300)),
        .slidingWindow(1, per: .nanoseconds(90)), .slidingWindow(40, per: .nanoseconds(1000)),
        .slidingLog(5, per: .nanoseconds(300)), .slidingLog(1, per: .nanoseconds(60)),
    ]

    /// Asks at random, and compares each answer.
    private func play(_ rule: Rule, seed: UInt64, asks: Int = 80) -> ReferenceRule {
        var random = SplitMix64(seed: seed)
        let meter = rule.meter(anchor: 0)
        var state = meter.unused
        var model = ReferenceRule(rule)
        var now: Int64 = 0
        let interval = max(1, rule.period.saturatedNanoseconds / Int64(rule.permits))
        for _ in 0..<asks {
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1: break
            case 2: now += rule.period.saturatedNanoseconds * Int64.random(in: 0...2, using: &random)
            default: now += Int64.random(in: 0...2 * interval, using: &random)
            }
            let permits = Int.random(in: 1...max(1, min(rule.burst, 3)), using: &random)
            let due = meter.earliest(permits, state, from: now)
            let allowed = model.allows(permits, at: now)
            #expect((due == now) == allowed, "seed \(seed), \(rule), at \(now): due \(due ?? -1)")
            #expect((meter.available(state, at: now) >= permits) == allowed, "seed \(seed), \(rule), at \(now)")
            if allowed {
                meter.take(permits, &state, at: now)
                model.take(permits, at: now)
            } else if let due {
                #expect(model.allows(permits, at: due), "the hint is enough: seed \(seed), \(rule), \(now) to \(due)")
                #expect(!model.allows(permits, at: due - 1), "and no more: seed \(seed), \(rule), \(now) to \(due)")
            }
        }
        return model
    }

    @Test("as the model says, and the hint is the first moment that is enough", arguments: wholeRules)
    func model(rule: Rule) {
        forSeeds(1...300) { seed, _ in
            let model = play(rule, seed: seed)
            let period = rule.period.saturatedNanoseconds
            let most =
                switch rule.kind {
                case .tokenBucket, .pacing: rule.permits + rule.burst
                case .fixedWindow: 2 * rule.permits
                case .slidingWindow: max(1, 2 * rule.permits - 1)
                case .slidingLog: rule.permits
                }
            #expect(model.most(within: period) <= most, "seed \(seed), \(rule)")
        }
    }

    /// 3 a second is one every 333 333 333⅓ ns: the answers are those of the exact rule on a clock that is off by less
    /// than a unit of 2 ns, wherever one looks; no error adds up.
    @Test(
        "rates that are no whole number of nanoseconds",
        arguments: [
            .tokenBucket(3, per: .seconds(1), burst: 1), .tokenBucket(3, per: .seconds(1), burst: 10),
            .tokenBucket(7, per: .nanoseconds(50), burst: 4), .tokenBucket(7_777_777, per: .seconds(1), burst: 3),
            .tokenBucket(2, per: .nanoseconds(3), burst: 2), .pacing(30, per: .microseconds(1)),
        ] as [Rule])
    func fractions(rule: Rule) {
        forSeeds(1...200) { seed, random in
            let meter = rule.meter(anchor: 0)
            var state = meter.unused
            var model = ReferenceRule(rule)
            var now: Int64 = 0
            let interval = rule.period.saturatedNanoseconds / Int64(rule.permits)
            for _ in 0..<60 {
                now += Int64.random(in: 0...interval + 2, using: &random)
                guard let due = meter.earliest(1, state, from: now) else { continue }
                #expect(!model.allows(1, at: due - 4) || due == now, "seed \(seed), \(rule), at \(now), due \(due)")
                now = due
                #expect(model.allows(1, at: now + 4), "seed \(seed), \(rule), at \(now)")
                meter.take(1, &state, at: now)
                model.take(1, at: now)
            }
        }
    }

    @Test(
        "the long-run rate is exact",
        arguments: [(3, 1_000_000_000), (7, 50), (999_999_937, 1_000_000_000), (1_000_000_000, 1_000_000_000), (2, 3)])
    func longRun(limit: Int, period: Int64) throws {
        for burst in [1, 5] {
            let meter = PacedMeter(limit: limit, period: period, burst: burst, isUnbounded: false)
            var state = meter.unused
            let start: Int64 = 1_234_567_891
            meter.take(burst, &state, at: start)
            var now = start
            let count = 100_000
            for _ in 0..<count {
                now = try #require(meter.earliest(1, state, from: now))
                meter.take(1, &state, at: now)
            }
            let exact = Double(count) * Double(period) / Double(limit)
            #expect(abs(Double(now - start) - exact) <= 2, "\(now - start) instead of \(exact)")
            // Years on, in one ask each: nothing has been lost or gained.
            for years in 1...3 as ClosedRange<Int64> {
                let later = now + years * 31_536_000_000_000_000
                #expect(meter.available(state, at: later) == burst)
                meter.take(burst, &state, at: later)
                #expect(meter.available(state, at: later) == 0)
                let due = try #require(meter.earliest(1, state, from: later))
                #expect(abs(Double(due - later) - Double(period) / Double(limit)) <= 2)
                now = due
            }
        }
    }

    @Test("a sliding window: even traffic gets its rate, the worst case stays below twice the limit")
    func slidingBound() {
        let rule = Rule.slidingWindow(100, per: .nanoseconds(1000))
        let meter = rule.meter(anchor: 0)
        var state = meter.unused
        var model = ReferenceRule(rule)
        // All of a window at its end, then as soon as they come.
        meter.take(100, &state, at: 999)
        model.take(100, at: 999)
        for now in 1000...1998 as ClosedRange<Int64> where meter.available(state, at: now) > 0 {
            meter.take(1, &state, at: now)
            model.take(1, at: now)
        }
        #expect(model.most(within: 1000) == 199)
        // Even traffic just below the limit is never refused.
        var even = meter.unused
        for step in 0..<1000 as Range<Int64> {
            #expect(meter.available(even, at: step * 1000 / 98) >= 1)
            meter.take(1, &even, at: step * 1000 / 98)
        }
    }

    @Test("a sliding window always has a permit if fewer than the limit were taken in two windows")
    func slidingGuarantee() {
        let rule = Rule.slidingWindow(5, per: .nanoseconds(100))
        forSeeds(1...500) { seed, random in
            let meter = rule.meter(anchor: 0)
            var state = meter.unused
            var model = ReferenceRule(rule)
            var now: Int64 = 0
            for _ in 0..<60 {
                now += Int64.random(in: 0...40, using: &random)
                let recent = model.taken.reduce(0) { $0 + ($1.moment >= now / 100 * 100 - 100 ? $1.permits : 0) }
                if recent < 5 { #expect(meter.available(state, at: now) > 0, "seed \(seed), at \(now)") }
                if meter.available(state, at: now) > 0 {
                    meter.take(1, &state, at: now)
                    model.take(1, at: now)
                }
            }
        }
    }

    @Test("permits given back at once leave no trace", arguments: wholeRules)
    func giveBack(rule: Rule) {
        forSeeds(1...100) { seed, random in
            let meter = rule.meter(anchor: 0)
            var state = meter.unused
            var now: Int64 = 0
            for _ in 0..<40 {
                now += Int64.random(in: 0...rule.period.saturatedNanoseconds / 3, using: &random)
                guard meter.available(state, at: now) > 0 else { continue }
                let before = (0...3).map { meter.available(state, at: now + $0 * 37) }
                let receipt = meter.take(1, &state, at: now)
                if Bool.random(using: &random) {
                    meter.giveBack(1, &state, receipt: receipt, at: now)
                    let after = (0...3).map { meter.available(state, at: now + $0 * 37) }
                    #expect(after == before, "seed \(seed), \(rule), at \(now)")
                }
            }
        }
    }

    @Test("permits given back late never add up to more than the rule allows", arguments: wholeRules)
    func lateGiveBack(rule: Rule) {
        forSeeds(1...300) { seed, random in
            let meter = rule.meter(anchor: 0)
            var state = meter.unused
            // What was used: everything that was taken and not given back.
            var used = ReferenceRule(rule)
            var held: [(receipt: Int64, moment: Int64)] = []
            var takings: [(moment: Int64, isUsed: Bool)] = []
            var now: Int64 = 0
            for _ in 0..<60 {
                now += Int64.random(in: 0...rule.period.saturatedNanoseconds / 4, using: &random)
                if let index = held.indices.randomElement(using: &random), Bool.random(using: &random) {
                    let returned = held.remove(at: index)
                    meter.giveBack(1, &state, receipt: returned.receipt, at: now)
                    continue
                }
                guard meter.available(state, at: now) > 0 else { continue }
                let receipt = meter.take(1, &state, at: now)
                let isUsed = Int.random(in: 0..<3, using: &random) > 0
                if !isUsed { held.append((receipt, now)) }
                takings.append((now, isUsed))
            }
            for taking in takings where taking.isUsed {
                #expect(used.allows(1, at: taking.moment), "seed \(seed), \(rule), at \(taking.moment)")
                used.take(1, at: taking.moment)
            }
        }
    }

    @Test("a state that counts as unused is no other than an unused one", arguments: wholeRules)
    func unused(rule: Rule) {
        let meter = rule.meter(anchor: 0)
        forSeeds(1...100) { seed, random in
            var state = meter.unused
            var now: Int64 = 0
            for _ in 0..<30 {
                now += Int64.random(in: 0...rule.period.saturatedNanoseconds, using: &random)
                let isUnused = meter.isUnused(state, at: now)
                if meter.available(state, at: now) < rule.burst { #expect(!isUnused, "seed \(seed), \(rule)") }
                if isUnused {
                    for later in [0, 1, 50, 2000] as [Int64] {
                        #expect(meter.available(state, at: now + later) == rule.burst, "seed \(seed), \(rule)")
                    }
                }
                if meter.available(state, at: now) > 0 { meter.take(1, &state, at: now) }
                #expect(!meter.isUnused(state, at: now), "seed \(seed), \(rule)")
            }
            #expect(meter.isUnused(state, at: now + 1_000_000))
        }
    }

    @Test("nothing overflows at the ends of time, with the longest periods and the largest numbers")
    func extremes() {
        let rules: [Rule] = [
            .tokenBucket(1, per: .nanoseconds(Int64.max), burst: 1),
            .tokenBucket(1, per: .nanoseconds(Int64.max), burst: 1_000_000_000_000_000),
            .tokenBucket(1_000_000_000, per: .seconds(1), burst: 1_000_000_000_000_000),
            .tokenBucket(999_999_937, per: .seconds(1), burst: 3), .tokenBucket(3, per: .seconds(86_400 * 30)),
            .tokenBucket(1_000_000_000_000_000, per: .nanoseconds(Int64.max)), .pacing(7, per: .nanoseconds(50)),
            .pacing(1, per: .nanoseconds(Int64.max)), .pacing(3, per: .seconds(1)),
            .fixedWindow(1_000_000_000_000_000, per: .nanoseconds(Int64.max)), .fixedWindow(1, per: .nanoseconds(1)),
            .slidingWindow(1_000_000_000_000_000, per: .nanoseconds(Int64.max)),
            .slidingWindow(5, per: .nanoseconds(1)), .slidingLog(3, per: .nanoseconds(Int64.max)),
        ]
        let moments: [Int64] = [.min, .min + 1, -1 << 60, -1, 0, 1, 1 << 60, .max - 1, .max]
        for rule in rules {
            for anchor in [.min, 0, .max] as [Int64] {
                let meter = rule.meter(anchor: anchor)
                for start in moments.indices {
                    var state = meter.unused
                    for now in moments[start...] {
                        #expect(meter.available(state, at: now) >= 0)
                        for permits in [1, 2, 3, rule.burst, .max] where meter.leastWait(permits) != nil {
                            if let due = meter.earliest(permits, state, from: now) { #expect(due >= now) }
                        }
                        let receipt = meter.take(rule.burst, &state, at: now)
                        meter.giveBack(1, &state, receipt: receipt, at: now)
                        _ = meter.isUnused(state, at: now)
                        for other in rules { _ = other.meter(anchor: 0).carry(state, from: meter, at: now) }
                    }
                }
            }
        }
    }

    @Test("a clock that starts anywhere gives the same answers", arguments: wholeRules)
    func origins(rule: Rule) {
        for origin in [-1_000_003, 5_000_000_007, 1 << 62] as [Int64] {
            var random = SplitMix64(seed: 7)
            let (here, there) = (rule.meter(anchor: 0), rule.meter(anchor: origin))
            var (first, second) = (here.unused, there.unused)
            var now: Int64 = 0
            for _ in 0..<200 {
                now += Int64.random(in: 0...rule.period.saturatedNanoseconds / 2, using: &random)
                let due = here.earliest(1, first, from: now)
                #expect(due.map { $0 + origin } == there.earliest(1, second, from: now + origin))
                if due == now {
                    here.take(1, &first, at: now)
                    there.take(1, &second, at: now + origin)
                }
            }
        }
    }

    @Test("the sizes of states per key")
    func sizes() {
        #expect(MemoryLayout<PacedMeter.State>.stride == 8)
        #expect(MemoryLayout<FixedWindowMeter.State>.stride == 16)
        #expect(MemoryLayout<SlidingCounterMeter.State>.stride == 24)
        #expect(MemoryLayout<SlidingLogMeter.State>.stride == 24)
    }
}
