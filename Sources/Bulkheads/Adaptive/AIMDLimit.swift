public import ResilienceCore

/// A limit that grows by one when calls go well, and shrinks by a tenth when one is dropped.
///
/// Additive increase, multiplicative decrease (Chiu and Jain, 1989) with the figures of Netflix's `AIMDLimit`. It looks
/// at failures, not at latencies: for services that refuse what is too much, or where calls have a timeout.
///
/// It takes one step for each round trip, as TCP does: only calls admitted after the last step count, so that twenty
/// calls that are dropped together shrink it once, and it grows no sooner than calls usually take, so that a few fast
/// answers do not make it grow with each.
public struct AIMDLimit: ConcurrencyLimit, Hashable {
    /// The limit at first. Between ``minimum`` and ``maximum``. Default: 20.
    public let initial: Int
    /// The lowest limit, 1 to 1 000 000. Default: 20.
    public let minimum: Int
    /// The highest limit, ``minimum`` to 1 000 000. Default: 200.
    public let maximum: Int
    /// What is left of the limit after a dropped call, 0.5 to below 1. Default: 0.9.
    public let backoff: Double
    /// A call that takes longer counts as dropped. At least 1 ns. Default: 5 s.
    public let timeout: Duration

    private let range: LimitRange
    private var current: Int
    private var pacer = StepPacer()

    /// How many calls may be in flight.
    public var limit: Int { current }

    /// Creates a limit; every parameter has a default. What is not allowed is reported by ``validate()``.
    public init(
        initial: Int = 20, minimum: Int = 20, maximum: Int = 200, backoff: Double = 0.9,
        timeout: Duration = .seconds(5)
    ) {
        self.initial = initial
        self.minimum = minimum
        self.maximum = maximum
        self.backoff = backoff
        self.timeout = timeout
        range = LimitRange(minimum, maximum)
        current = Int(range.clamp(Double(initial)))
    }

    /// Grows by one, shrinks to ``backoff`` of itself, or stays if less than half of the limit was in use.
    public mutating func record(
        roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
    ) {
        guard !isDropped, roundTripTime <= timeout else {
            guard pacer.takesStep(for: roundTripTime, endingAt: now) else { return }
            // Rounded down, so that it always shrinks.
            current = Int(range.clamp((Double(current) * backoff).rounded(.down)))
            return
        }
        let time = roundTripTime.positiveNanoseconds
        pacer.note(time)
        guard isHalfUsed(by: inFlight), pacer.takesStep(by: time, for: roundTripTime, endingAt: now) != nil else {
            return
        }
        current = Int(range.clamp(Double(current) + 1))
    }

    /// Checks every parameter.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("aimdLimit")
        check.require(initial: initial, minimum: minimum, maximum: maximum)
        check.require(backoff >= 0.5 && backoff < 1, "backoff", "\(backoff)", "is outside 0.5..<1")
        check.require(positive: "timeout", timeout)
        try check.finish()
    }

    /// Goes on from the other limit, within its own range.
    public mutating func resume(from previous: any ConcurrencyLimit) {
        current = Int(range.clamp(Double(previous.limit)))
    }
}

extension ConcurrencyLimit where Self == AIMDLimit {
    /// An ``AIMDLimit``.
    public static func aimd(
        initial: Int = 20, minimum: Int = 20, maximum: Int = 200, backoff: Double = 0.9,
        timeout: Duration = .seconds(5)
    ) -> AIMDLimit {
        AIMDLimit(initial: initial, minimum: minimum, maximum: maximum, backoff: backoff, timeout: timeout)
    }
}

extension ConcurrencyLimit {
    /// Whether a call met at least half of the limit in use. If not, it is the application that asks for no more, and
    /// what the service could bear is not known.
    func isHalfUsed(by inFlight: Int) -> Bool {
        let (doubled, overflow) = inFlight.multipliedReportingOverflow(by: 2)
        return overflow ? inFlight > 0 : doubled >= limit
    }
}
