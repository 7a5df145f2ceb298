import ResilienceCore

@testable import RateLimiters

/// The rules as their documentation tells them, from the list of all permits that were ever taken. Slow and plain.
struct ReferenceRule {
    let rule: RateLimiter.Rule
    /// What was taken, in the order of time.
    private(set) var taken: [(moment: Int64, permits: Int)] = []
    /// The tokens of the bucket after the last taking, exactly.
    private var bucket: Ratio

    init(_ rule: RateLimiter.Rule) {
        self.rule = rule
        bucket = Ratio(rule.burst)
    }

    private var period: Int64 { rule.period.saturatedNanoseconds }

    /// Whether so many permits are there at a moment, not before the last that were taken.
    func allows(_ permits: Int, at moment: Int64) -> Bool {
        switch rule.kind {
        case .tokenBucket: tokens(at: moment) >= Ratio(permits)
        case .pacing: permits == 1 && tokens(at: moment) >= Ratio(1)
        case .fixedWindow: used(since: window(moment)) + permits <= rule.permits
        case .slidingLog: used(since: moment - period + 1) + permits <= rule.permits
        case .slidingWindow: estimate(moment) + Ratio(permits) <= Ratio(rule.permits)
        }
    }

    mutating func take(_ permits: Int, at moment: Int64) {
        bucket = tokens(at: moment) - Ratio(permits)
        taken.append((moment, permits))
    }

    /// The most permits that were taken in any stretch of so many nanoseconds.
    func most(within length: Int64) -> Int {
        var most = 0
        var sum = 0
        var first = 0
        for entry in taken {
            sum += entry.permits
            while taken[first].moment <= entry.moment - length {
                sum -= taken[first].permits
                first += 1
            }
            most = max(most, sum)
        }
        return most
    }

    /// The tokens of the bucket, refilled continuously.
    private func tokens(at moment: Int64) -> Ratio {
        guard let last = taken.last?.moment else { return bucket }
        return min(Ratio(rule.burst), bucket + Ratio(Int128(rule.permits) * Int128(moment - last), Int128(period)))
    }

    private func window(_ moment: Int64) -> Int64 { moment >= 0 ? moment / period * period : 0 }

    private func used(since start: Int64) -> Int {
        taken.reduce(0) { $1.moment >= start ? $0 + $1.permits : $0 }
    }

    private func estimate(_ moment: Int64) -> Ratio {
        let start = window(moment)
        let current = used(since: start)
        let previous = used(since: start - period) - current
        let covered = Ratio(Int128(previous) * Int128(start + period - moment), Int128(period))
        return covered + Ratio(current)
    }
}

/// An exact fraction.
struct Ratio: Comparable {
    let numerator: Int128
    let denominator: Int128

    init(_ whole: Int) {
        self.init(Int128(whole), 1)
    }

    init(_ numerator: Int128, _ denominator: Int128) {
        var (first, second) = (numerator.magnitude, denominator.magnitude)
        while second != 0 { (first, second) = (second, first % second) }
        let divisor = Int128(max(first, 1))
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }

    static func + (lhs: Ratio, rhs: Ratio) -> Ratio {
        Ratio(lhs.numerator * rhs.denominator + rhs.numerator * lhs.denominator, lhs.denominator * rhs.denominator)
    }

    static func - (lhs: Ratio, rhs: Ratio) -> Ratio { lhs + Ratio(-rhs.numerator, rhs.denominator) }

    static func < (lhs: Ratio, rhs: Ratio) -> Bool {
        lhs.numerator * rhs.denominator < rhs.numerator * lhs.denominator
    }
}
