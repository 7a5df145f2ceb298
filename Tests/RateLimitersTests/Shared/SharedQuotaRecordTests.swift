import ResilienceCore
import TestSupport
import Testing

@testable import RateLimiters

@Suite("Shared quota: the record")
struct SharedQuotaRecordTests {
    static func ask(
        _ rule: SharedQuotaRule, _ wanted: Int, minimum: Int = 1, returned: Int = 0, receipt: PermitReceipt? = nil
    ) -> PermitRequest {
        PermitRequest(
            quota: "q", rule: rule, wanted: wanted, minimum: minimum, returned: returned, receipt: receipt)
    }

    /// 2026, as a store's clock tells it.
    static let start: Int64 = 1_790_000_000_000_000

    @Test("a new quota is full; what is taken comes again at the rate")
    func refill() {
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 4)
        var record = SharedQuotaRecord()
        #expect(record.isFull(now: Self.start))
        #expect(
            record.take(Self.ask(rule, 3), now: Self.start)
                == PermitGrant(
                    granted: 3, remaining: 1, retryAfter: .zero, resetAfter: .milliseconds(300),
                    receipt: PermitReceipt(since: Self.start, position: Self.start + 300_000)))
        #expect(!record.isFull(now: Self.start))
        #expect(record.take(Self.ask(rule, 3, minimum: 2), now: Self.start).retryAfter == .milliseconds(100))
        #expect(record.take(Self.ask(rule, 3), now: Self.start + 99_999).granted == 1)
        #expect(record.take(Self.ask(rule, 1), now: Self.start + 99_999).retryAfter == .microseconds(1))
        #expect(record.take(Self.ask(rule, 1), now: Self.start + 100_000).granted == 1)
        #expect(record.isFull(now: Self.start + 500_000))
    }

    @Test("as many as are there are taken, and none below the minimum; what never is there says so")
    func partial() {
        let rule = SharedQuotaRule(permits: 1, period: .seconds(1), burst: 5)
        var record = SharedQuotaRecord()
        let grant = record.take(Self.ask(rule, 9, minimum: 5), now: 0)
        #expect((grant.granted, grant.remaining) == (5, 0))
        #expect(record.take(Self.ask(rule, 9, minimum: 6), now: 0).retryAfter == nil)
        let none = record.take(Self.ask(rule, 9, minimum: 2), now: 1_000_000)
        #expect((none.granted, none.remaining, none.retryAfter) == (0, 1, .seconds(1)))
        #expect(record.take(Self.ask(rule, 0, minimum: 0), now: 1_000_000).retryAfter == .zero)
    }

    @Test(
        "intervals are rounded up, and exact where they can be",
        arguments: [
            (SharedQuotaRule(permits: 10_000, period: .seconds(1), burst: 1), 100, 0),
            (SharedQuotaRule(permits: 1_000_000_000, period: .seconds(1), burst: 1), 0, 1000),
            (SharedQuotaRule(permits: 1, period: .seconds(86_400), burst: 1), 86_400_000_000, 0),
            (SharedQuotaRule(permits: 3, period: .seconds(1), burst: 1), 333_333, 333_334),
            (SharedQuotaRule(permits: 700_000_000, period: .seconds(1), burst: 1), 0, 1429),
            (SharedQuotaRule(permits: 1, period: .nanoseconds(1_000_001), burst: 1), 1001, 0),
        ] as [(SharedQuotaRule, Int64, Int64)])
    func intervals(rule: SharedQuotaRule, microseconds: Int64, picoseconds: Int64) throws {
        try rule.validate()
        #expect(rule.interval == (microseconds, picoseconds))
    }

    @Test("a permit given back counts as never taken, as far as it has not come again by itself")
    func giveBack() {
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 10)
        var record = SharedQuotaRecord()
        let grant = record.take(Self.ask(rule, 10), now: 0)
        #expect(record.take(Self.ask(rule, 10, returned: 4, receipt: grant.receipt), now: 0).granted == 4)
        // All have come again since; and another has taken them.
        #expect(record.take(Self.ask(rule, 10), now: 2_000_000).granted == 10)
        #expect(
            record.take(Self.ask(rule, 10, returned: 10, receipt: grant.receipt), now: 2_000_000).granted == 0)
        // Without a receipt nothing is given back.
        #expect(record.take(Self.ask(rule, 10, returned: 10), now: 2_000_000).granted == 0)
    }

    @Test("a clock that was set back does not close the quota for longer than its burst takes")
    func clockSetBack() {
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 10)
        var record = SharedQuotaRecord()
        _ = record.take(Self.ask(rule, 10), now: Self.start)
        let early = Self.start - 3_600_000_000
        #expect(record.take(Self.ask(rule, 1), now: early).resetAfter == .seconds(1))
        #expect(record.take(Self.ask(rule, 10), now: early + 1_000_000).granted == 10)
    }

    @Test("another rate keeps the permits in use, and a stricter burst of another node forgives nothing")
    func otherRule() {
        let slow = SharedQuotaRule(permits: 1000, period: .seconds(86_400), burst: 1000)
        let fast = SharedQuotaRule(permits: 1000, period: .seconds(60), burst: 1000)
        var record = SharedQuotaRecord()
        _ = record.take(Self.ask(slow, 900), now: Self.start)
        let grant = record.take(Self.ask(fast, 200), now: Self.start)
        #expect(grant.granted == 99 || grant.granted == 100)
        #expect(record.take(Self.ask(fast, 1000), now: Self.start + 60_000_000).granted >= 999)

        let strict = SharedQuotaRule(permits: 1000, period: .seconds(60), burst: 10)
        for _ in 0..<5 {
            #expect(record.take(Self.ask(strict, 1), now: Self.start + 60_000_000).granted == 0)
            #expect(record.take(Self.ask(fast, 1000), now: Self.start + 60_000_000).granted <= 1)
        }
    }

    @Test("never more than the rule allows in any window, whichever node takes and gives back")
    func windows() throws {
        try forSeeds(0..<400) { _, random in
            let permits = [1, 3, 7, 1000, 10_000, 999_999].randomElement(using: &random) ?? 1
            let period = [Duration.milliseconds(1), .seconds(1), .seconds(86_400)].randomElement(using: &random)!
            let burst = Int.random(in: 1...200, using: &random)
            let rule = SharedQuotaRule(permits: permits, period: period, burst: burst)
            let step = max(1, Int64(period.saturatedNanoseconds / 1000) / Int64(permits) * 20)
            var (record, now) = (SharedQuotaRecord(), Self.start)
            var grants: [(at: Int64, permits: Int, receipt: PermitReceipt)] = []
            for _ in 0..<200 {
                now += Int64.random(in: 0...step, using: &random)
                var request = Self.ask(rule, Int.random(in: 0...burst, using: &random))
                request.rule.burst = Bool.random(using: &random) ? burst : max(1, burst / 2)
                request.minimum = Int.random(in: 0...3, using: &random)
                if let index = grants.indices.suffix(4).randomElement(using: &random) {
                    let returned = Int.random(in: 0...grants[index].permits, using: &random)
                    (request.returned, request.receipt) = (returned, grants[index].receipt)
                    grants[index].permits -= returned
                }
                let grant = record.take(request, now: now)
                grants.append((now, grant.granted, grant.receipt))
            }
            if let breach = firstBreach(of: rule, grants.map { ($0.at * 1000, $0.permits) }) {
                throw Difference("\(rule): \(breach)")
            }
        }
    }

    @Test("doubles come to the same, as a script has them")
    func doubles() throws {
        try forSeeds(seeds(2_000)) { _, random in
            func rule() -> SharedQuotaRule {
                let permits = [1, 3, 10_000, 7_654_321, 1_000_000_000, Int.random(in: 1...1_000_000, using: &random)]
                let periods = [1, 1000, 60_000, 86_400_000, 31_622_400_000]
                let bursts = [1, 1000, 1_000_000_000, Int.random(in: 1...1_000_000, using: &random)]
                let rule = SharedQuotaRule(
                    permits: permits.randomElement(using: &random)!,
                    period: .milliseconds(periods.randomElement(using: &random)!),
                    burst: bursts.randomElement(using: &random)!)
                return SharedQuotaRule(permits: rule.permits, period: rule.period, burst: rule.checkedRule.burst)
            }
            var (record, script) = (SharedQuotaRecord(), ScriptedQuotaRecord())
            var (now, current) = (Self.start, rule())
            var receipt: PermitReceipt?
            for step in 0..<40 {
                if Int.random(in: 0..<10, using: &random) == 0 { current = rule() }
                now += [0, 1, 1000, 1_000_000, 86_400_000_000, -5_000_000].randomElement(using: &random)!
                let wanted =
                    Int.random(in: 0...2, using: &random) == 0
                    ? current.burst
                    : Int.random(
                        in: 0...max(1, current.burst / 3), using: &random)
                let request = Self.ask(
                    current, wanted, minimum: Int.random(in: 0...2, using: &random),
                    returned: Int.random(in: 0...3, using: &random) * current.burst / 7, receipt: receipt)
                let (expected, found) = (record.take(request, now: now), script.take(request, now: now))
                receipt = expected.receipt
                guard expected == found else {
                    throw Difference("step \(step), \(current): \(expected), and by doubles \(found)")
                }
            }
        }
    }

    @Test("no input traps")
    func hostile() {
        let numbers = [Int.min, -1, 0, 1, 7, 1_000_000_000, Int.max]
        let periods: [Duration] = [
            .nanoseconds(Int64.min), .zero, .nanoseconds(1), .seconds(1), .seconds(Int64.max),
            Duration(secondsComponent: .min, attosecondsComponent: 0),
        ]
        var record = SharedQuotaRecord()
        for permits in numbers {
            for period in periods {
                for burst in numbers {
                    let rule = SharedQuotaRule(permits: permits, period: period, burst: burst)
                    for number in numbers {
                        for now in [Int64.min, 0, Self.start, .max] {
                            let grant = record.take(
                                Self.ask(
                                    rule, number, minimum: number, returned: number,
                                    receipt: PermitReceipt(since: now, position: Int64(burst))),
                                now: now)
                            #expect(grant.granted >= 0 && grant.remaining >= 0)
                        }
                    }
                }
            }
        }
    }

    @Test("a rule out of its bounds is refused, with every fault")
    func validation() {
        func faults(_ permits: Int, _ period: Duration, _ burst: Int) -> [String] {
            do throws(ConfigurationError) {
                try SharedQuotaRule(permits: permits, period: period, burst: burst).validate()
                return []
            } catch {
                return error.faults.map(\.description)
            }
        }
        #expect(faults(1, .milliseconds(1), 1) == [])
        #expect(faults(1_000_000_000, .seconds(1), 1_000_000_000) == [])
        #expect(faults(0, .zero, 1_000_000_001).count == 3)
        #expect(faults(1_000_001, .milliseconds(1), 1) == ["permits: 1000001 per 1ms is more than one a nanosecond"])
        #expect(faults(1, .seconds(366 * 86_400), 100) == [])
        #expect(
            faults(1, .seconds(366 * 86_400), 101) == [
                "burst: 101 takes more than 100 years to come, at 1 per 31622400s"
            ])
    }

    @Test("a rule out of its bounds counts as the nearest within, and each bound has its own fault")
    func nearest() {
        let most = 1_000_000_000
        let year = Duration.seconds(366 * 86_400)
        let cases: [(given: (Int, Duration, Int), nearest: (Int, Duration, Int), fault: String)] = [
            ((0, .seconds(1), 5), (1, .seconds(1), 5), "permits: 0 is outside 1...1000000000"),
            ((-7, .seconds(1), 5), (1, .seconds(1), 5), "permits: -7 is outside 1...1000000000"),
            ((most + 1, .seconds(9), 5), (most, .seconds(9), 5), "permits: 1000000001 is outside 1...1000000000"),
            ((3, .seconds(1), 0), (3, .seconds(1), 1), "burst: 0 is outside 1...1000000000"),
            ((3, .seconds(1), -1), (3, .seconds(1), 1), "burst: -1 is outside 1...1000000000"),
            ((3, .seconds(1), most + 1), (3, .seconds(1), most), "burst: 1000000001 is outside 1...1000000000"),
            ((3, .zero, 5), (3, .milliseconds(1), 5), "period: 0.0 seconds is outside 1 ms...366 days"),
            (
                (3, .nanoseconds(999_999), 5), (3, .milliseconds(1), 5),
                "period: 0.000999999 seconds is outside 1 ms...366 days"
            ),
            (
                (3, year + .nanoseconds(1), 5), (3, year, 5),
                "period: \(year + .nanoseconds(1)) is outside 1 ms...366 days"
            ),
        ]
        for (given, nearest, fault) in cases {
            let rule = SharedQuotaRule(permits: given.0, period: given.1, burst: given.2)
            let other = SharedQuotaRule(permits: nearest.0, period: nearest.1, burst: nearest.2)
            #expect(rule.interval == other.interval && rule.checkedBurst == other.checkedBurst, "\(rule)")
            #expect(other.checkedBurst == nearest.2)
            let error = #expect(throws: ConfigurationError.self) { try rule.validate() }
            #expect(error?.faults.map(\.description) == [fault])
            #expect(throws: Never.self) { try other.validate() }
        }
    }

    @Test("a call that asks for none at least is told no time, and gets what is there", arguments: [-5, 0])
    func noMinimum(minimum: Int) {
        let rule = SharedQuotaRule(permits: 1, period: .seconds(1), burst: 4)
        var record = SharedQuotaRecord()
        #expect((record.longest, record.since, record.returned) == (0, .min, 0))
        for (wanted, granted) in [(3, 3), (3, 1), (3, 0), (0, 0), (-2, 0)] {
            let grant = record.take(Self.ask(rule, wanted, minimum: minimum), now: 0)
            #expect(grant.granted == granted && grant.retryAfter == .zero, "\(wanted)")
        }
        #expect(record.longest == 4_000_000 && record.since == 0)
    }

    @Test("a period in which 10¹⁵ µs were given back is over with the next taking", arguments: [0, 1])
    func longPeriod(missing: Int) {
        let rule = SharedQuotaRule(permits: 1, period: .seconds(1_000), burst: 3_000_000)
        var record = SharedQuotaRecord()
        let first = record.take(Self.ask(rule, 1_000_000), now: 0)
        _ = record.take(Self.ask(rule, 2_000_000), now: 0)
        _ = record.take(Self.ask(rule, 0, returned: 1_000_000 - missing, receipt: first.receipt), now: 0)
        #expect(record.returned == 1_000_000_000_000_000 - 1_000_000_000 * Int64(missing) && record.since == 0)
        _ = record.take(Self.ask(rule, 0), now: 0)
        #expect(record.since == (missing == 0 ? 1 : 0) && (record.returned == 0) == (missing == 0))
    }

    @Test("less than none is not given back")
    func negativeReturn() {
        let rule = SharedQuotaRule(permits: 1, period: .seconds(1), burst: 10)
        for returned in [Int.min, -3, -1, 0] {
            var record = SharedQuotaRecord()
            let grant = record.take(Self.ask(rule, 5), now: 0)
            let next = record.take(Self.ask(rule, 0, minimum: 0, returned: returned, receipt: grant.receipt), now: 0)
            #expect(next.remaining == 5 && record.returned == 0)
        }
    }
}
