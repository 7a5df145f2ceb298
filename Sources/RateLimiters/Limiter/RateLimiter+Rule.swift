internal import ResilienceCore

extension RateLimiter {
    /// How many permits there are, and when.
    ///
    /// | rule | at once | in any stretch of a period | state |
    /// |---|---|---|---|
    /// | token bucket | the burst | the limit and the burst | 8 bytes, lock-free |
    /// | pacing | one | the limit and one | 8 bytes, lock-free |
    /// | fixed window | the limit | twice the limit, around the end of a window | 16 bytes |
    /// | sliding window | the limit | less than twice the limit; the limit, if traffic is even | 24 bytes |
    /// | sliding log | the limit | the limit | 24 bytes and 16 a permit |
    public struct Rule: Sendable, Hashable, CustomStringConvertible {
        enum Kind: Sendable, Hashable {
            case tokenBucket(burst: Int)
            case pacing
            case fixedWindow
            case slidingWindow
            case slidingLog
        }

        let kind: Kind

        /// The permits of one period.
        public let permits: Int

        /// The period.
        public let period: Duration

        /// A bucket that holds up to `burst` tokens and gets `permits` of them in each period, evenly spread, not all
        /// at once. A permit is a token. The rule to begin with.
        ///
        /// It is counted by the generic cell rate algorithm (GCRA), which decides the same for each request, in one
        /// number (ITU-T I.371, annex A).
        ///
        /// - Parameters:
        ///   - permits: How many tokens come in each period: 1 to 10¹⁵, and no more than one a nanosecond.
        ///   - period: 1 ns to 292 years.
        ///   - burst: How many tokens the bucket holds, 1 to 10¹⁵. Default: `nil`, those of one period.
        public static func tokenBucket(_ permits: Int, per period: Duration, burst: Int? = nil) -> Rule {
            Rule(kind: .tokenBucket(burst: burst ?? permits), permits: permits, period: period)
        }

        /// One permit after another, never two closer than `period / permits`: a leaky bucket. For callers that wait.
        ///
        /// The distance is kept between any two permits, not on a grid. A request for more than one permit waits until
        /// all of them have come.
        ///
        /// - Parameters:
        ///   - permits: How many permits come in each period: 1 to 10¹⁵, and no more than one a nanosecond.
        ///   - period: 1 ns to 292 years.
        public static func pacing(_ permits: Int, per period: Duration) -> Rule {
            Rule(kind: .pacing, permits: permits, period: period)
        }

        /// All permits at the start of each period, the first of which starts with the limiter.
        ///
        /// Simple to explain and to compare with a server's figures; but the end of one period and the start of the
        /// next may see twice the limit within a moment.
        ///
        /// - Parameters:
        ///   - permits: The permits of each period, 1 to 10¹⁵.
        ///   - period: 1 ns to 292 years.
        public static func fixedWindow(_ permits: Int, per period: Duration) -> Rule {
            Rule(kind: .fixedWindow, permits: permits, period: period)
        }

        /// At most so many permits in the last period, estimated from the counts of two fixed windows: the window
        /// before weighs what the sliding one still covers of it.
        ///
        /// Right to a permit while traffic is even. At worst, when all of the window before came at its end, nearly
        /// twice the limit fits into one period, though spread over it. A permit is always there when fewer than
        /// `permits` were taken in this window and the one before.
        ///
        /// - Parameters:
        ///   - permits: The permits of a period, 1 to 10¹⁵.
        ///   - period: 1 ns to 292 years.
        public static func slidingWindow(_ permits: Int, per period: Duration) -> Rule {
            Rule(kind: .slidingWindow, permits: permits, period: period)
        }

        /// At most so many permits in the last period, exactly: it is remembered when each was taken.
        ///
        /// - Parameters:
        ///   - permits: The permits of a period, 1 to 1 000 000; each costs up to 16 bytes while it counts.
        ///   - period: 1 ns to 292 years.
        public static func slidingLog(_ permits: Int, per period: Duration) -> Rule {
            Rule(kind: .slidingLog, permits: permits, period: period)
        }

        /// The most permits that are there at once.
        public var burst: Int {
            switch kind {
            case .tokenBucket(let burst): burst
            case .pacing: 1
            case .fixedWindow, .slidingWindow, .slidingLog: permits
            }
        }

        /// `token bucket of 100 per 1s, burst 20`
        public var description: String {
            let rate = "\(permits) per \(period.shortForm)"
            return switch kind {
            case .tokenBucket(let burst): "token bucket of \(rate)" + (burst == permits ? "" : ", burst \(burst)")
            case .pacing: "pacing of \(rate)"
            case .fixedWindow: "fixed window of \(rate)"
            case .slidingWindow: "sliding window of \(rate)"
            case .slidingLog: "sliding log of \(rate)"
            }
        }

        func check(_ check: inout ConfigurationCheck) {
            guard self != .undeclared else {
                return check.require(false, "rule", "nothing", "is given, but the key is needed")
            }
            check.require("rule.permits", permits, in: 1...(kind == .slidingLog ? 1_000_000 : 1_000_000_000_000_000))
            check.require(positive: "rule.period", period)
            switch kind {
            case .tokenBucket(let burst):
                // A burst that was not given is the limit, whose fault is told.
                if burst != permits { check.require("rule.burst", burst, in: 1...1_000_000_000_000_000) }
                requireDistance(&check)
            case .pacing: requireDistance(&check)
            case .fixedWindow, .slidingWindow, .slidingLog: break
            }
        }

        private func requireDistance(_ check: inout ConfigurationCheck) {
            guard permits >= 1, period >= .nanoseconds(1) else { return }
            check.require(
                Int64(permits) <= period.saturatedNanoseconds, "rule.permits", "\(permits) per \(period.shortForm)",
                "is more than one a nanosecond")
        }

        /// What counts by this rule, which has been checked. Windows are counted from the anchor on.
        func meter(anchor: Int64) -> AnyRateMeter {
            let length = period.saturatedNanoseconds
            return switch kind {
            case .tokenBucket(let burst):
                .paced(PacedMeter(limit: permits, period: length, burst: burst, isUnbounded: false))
            case .pacing: .paced(PacedMeter(limit: permits, period: length, burst: 1, isUnbounded: true))
            case .fixedWindow: .fixedWindow(FixedWindowMeter(limit: permits, length: length, anchor: anchor))
            case .slidingWindow: .slidingCounter(SlidingCounterMeter(limit: permits, length: length, anchor: anchor))
            case .slidingLog: .slidingLog(SlidingLogMeter(limit: permits, length: length))
            }
        }
    }
}
