public import ResilienceCore

/// How many permits a fleet has, and when.
public struct SharedQuotaRule: Sendable, Hashable, CustomStringConvertible {
    /// How many permits come in each ``period``, 1 to 1 000 000 000.
    public var permits: Int

    /// The time in which they come, evenly; 1 ms to 366 days. A permit takes at least 1 ns.
    public var period: Duration

    /// How many permits may be used at once after a time without use; 1 to 1 000 000 000, and no more than come in a
    /// hundred years of 366 days.
    public var burst: Int

    /// Creates a rule.
    public init(permits: Int, period: Duration, burst: Int) {
        (self.permits, self.period, self.burst) = (permits, period, burst)
    }

    /// `10000 per 1s, burst 1000`
    public var description: String { "\(permits) per \(period.shortForm), burst \(burst)" }

    /// Checks every part.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck()
        self.check(&check, at: "")
        try check.finish()
    }

    func check(_ check: inout ConfigurationCheck, at path: String) {
        let known = check.faults.count
        check.require(path + "permits", permits, in: 1...Self.most)
        check.require(path + "period", period, in: .milliseconds(1)...Self.longestPeriod, "1 ms...366 days")
        check.require(path + "burst", burst, in: 1...Self.most)
        guard check.faults.count == known else { return }
        check.require(
            Int64(permits) <= period.saturatedNanoseconds, path + "permits", "\(permits) per \(period.shortForm)",
            "is more than one a nanosecond")
        check.require(
            burst == checkedRule.burst, path + "burst", "\(burst)",
            "takes more than 100 years to come, at \(permits) per \(period.shortForm)")
    }

    static let most = 1_000_000_000
    static let longestPeriod = Duration.seconds(366 * 86_400)

    /// A hundred years of 366 days, in microseconds.
    static let longestDebt: Int64 = 100 * 366 * 86_400 * 1_000_000

    /// The time between two permits as stores count it, in whole microseconds and the picoseconds beyond, below 10⁶.
    ///
    /// The period in microseconds, rounded up, divided by the permits; with q and r the quotient and the rest, that is
    /// q µs and ⌈r · 10⁶ / permits⌉ ps. Rounding up means that never too many come. Too few are at most one in a
    /// thousand at a permit each nanosecond, and one in a million at a permit each microsecond or less.
    public var interval: (microseconds: Int64, picoseconds: Int64) {
        let (quotient, rest) = checkedRule.interval.quotientAndRemainder(dividingBy: SharedQuotaRecord.perMicrosecond)
        return (Int64(quotient), Int64(rest))
    }

    /// The burst as stores count with it: the nearest within its bounds.
    public var checkedBurst: Int { checkedRule.burst }

    /// A rule within its bounds, as a record counts with it.
    struct Checked {
        /// The picoseconds of a permit, at least 1000.
        var interval: Int128
        var burst: Int
        var capacity: Int128 { interval * Int128(burst) }

        /// In microseconds, as scripts compute it.
        static func double(_ picoseconds: Int128) -> Double {
            let (quotient, rest) = picoseconds.quotientAndRemainder(dividingBy: SharedQuotaRecord.perMicrosecond)
            return Double(Int64(quotient)) + Double(Int64(rest)) / 1e6
        }
    }

    /// This rule, or the nearest that is within all bounds.
    var checkedRule: Checked {
        let permits = Int128(min(max(1, permits), Self.most))
        let period = min(max(.milliseconds(1), period), Self.longestPeriod).saturatedNanoseconds
        let picoseconds = Int128((period + 999) / 1000) * SharedQuotaRecord.perMicrosecond
        let interval = max(1000, (picoseconds + permits - 1) / permits)
        let most = Int128(Self.longestDebt) * SharedQuotaRecord.perMicrosecond / interval
        return Checked(interval: interval, burst: Int(min(Int128(min(max(1, burst), Self.most)), most)))
    }
}
