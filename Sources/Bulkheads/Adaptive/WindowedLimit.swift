public import ResilienceCore

/// Sums calls up, so that another limit sees one summary for each second in place of every call.
///
/// After Netflix's `WindowedLimit`. The summary has the average round-trip time of the calls that were not dropped, the
/// most calls in flight, and whether calls were dropped. It is handed on with the first call that ends after the window
/// has lasted ``window`` and seen ``minimumSamples`` calls; one that has not seen so many goes on, for at most 30 times
/// as long, and then starts over.
public struct WindowedLimit<Base: ConcurrencyLimit>: ConcurrencyLimit {
    /// The limit that gets the summaries.
    public private(set) var base: Base
    /// How long a window lasts, at least 1 ms. Default: 1 s.
    public let window: Duration
    /// How many calls a summary is made of at least, 1 to 1 000 000. Default: 10.
    public let minimumSamples: Int
    /// Calls that took less time are left out, unless they were dropped: a health check or a cached answer says nothing
    /// about the load. Not negative. Default: 100 µs.
    public let minimumRoundTripTime: Duration
    /// The share of dropped calls up to which a summary does not count as dropped, 0 to below 1. Default: 0.
    public let toleratedDrops: Double

    private struct Sample: Sendable {
        var start: TimeSource.Instant
        var sum = 0.0
        var longest = 0.0
        var measured = 0.0
        var dropped = 0.0
        var mostInFlight = 0

        /// Without one call that took ten times as long as all others on average: it says nothing about the load.
        var average: Double? {
            guard measured > 0 else { return nil }
            let others = (sum - longest) / (measured - 1)
            return longest > 10 * others && measured >= 10 ? others : sum / measured
        }
    }

    private var sample: Sample?

    /// How many calls may be in flight.
    public var limit: Int { base.limit }

    /// That of the limit inside.
    public var baselineRoundTripTime: Duration? { base.baselineRoundTripTime }

    /// Creates a limit; what is not allowed is reported by ``validate()``.
    public init(
        _ base: Base, window: Duration = .seconds(1), minimumSamples: Int = 10,
        minimumRoundTripTime: Duration = .microseconds(100), toleratedDrops: Double = 0
    ) {
        self.base = base
        self.window = window
        self.minimumSamples = minimumSamples
        self.minimumRoundTripTime = minimumRoundTripTime
        self.toleratedDrops = toleratedDrops
    }

    /// Adds the call to the window, and hands the summary on if it was the last one.
    public mutating func record(
        roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
    ) {
        guard isDropped || roundTripTime >= minimumRoundTripTime else { return }
        var current = sample ?? Sample(start: now)
        if isDropped {
            current.dropped += 1
        } else {
            let time = roundTripTime.positiveNanoseconds
            current.sum += time
            current.longest = max(current.longest, time)
            current.measured += 1
        }
        current.mostInFlight = max(current.mostInFlight, inFlight)
        // The clock was wrong when the window began, or this call ended a moment before.
        current.start = min(current.start, now)
        let age = current.start.duration(to: now)
        guard age >= window else {
            sample = current
            return
        }
        let calls = current.measured + current.dropped
        if calls >= Double(minimumSamples) {
            sample = nil
            let average = current.average ?? roundTripTime.positiveNanoseconds
            base.record(
                roundTripTime: .nanoseconds(Int64(min(average, 0x1p62))), inFlight: current.mostInFlight,
                isDropped: current.dropped > toleratedDrops * calls, at: now)
        } else {
            sample = age < window.multipliedSaturated(by: 30) ? current : nil
        }
    }

    /// Checks every parameter, and those of the limit inside.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("windowedLimit")
        check.require(base)
        check.require("window", window, in: .milliseconds(1) ... .nanoseconds(Int64.max), "1 ms...292 years")
        check.require("minimumSamples", minimumSamples, in: 1...1_000_000)
        check.require(
            minimumRoundTripTime >= .zero, "minimumRoundTripTime", "\(minimumRoundTripTime)", "is negative")
        check.require(
            toleratedDrops >= 0 && toleratedDrops < 1, "toleratedDrops", "\(toleratedDrops)", "is outside 0..<1")
        try check.finish()
    }

    /// Hands the source on.
    public mutating func seed(from random: RandomSource) { base.seed(from: random) }

    /// Goes on from the other limit, which may be windowed too; the window starts over.
    public mutating func resume(from previous: any ConcurrencyLimit) {
        if let previous = previous as? WindowedLimit<Base> {
            base.resume(from: previous.base)
        } else {
            base.resume(from: previous)
        }
    }
}

extension ConcurrencyLimit {
    /// A ``WindowedLimit`` around another limit.
    public static func windowed<Base>(
        _ base: Base, window: Duration = .seconds(1), minimumSamples: Int = 10,
        minimumRoundTripTime: Duration = .microseconds(100), toleratedDrops: Double = 0
    ) -> Self where Self == WindowedLimit<Base> {
        WindowedLimit(
            base, window: window, minimumSamples: minimumSamples, minimumRoundTripTime: minimumRoundTripTime,
            toleratedDrops: toleratedDrops)
    }
}
