public import ResilienceCore

/// A limit that follows how much longer calls take now than they do on average.
///
/// After Netflix's `Gradient2Limit`: `gradient = max(0.5, min(1, tolerance · average/roundTripTime))`, and the limit
/// moves by `smoothing` of the way to `gradient · limit + queueSize`. It bears with times that vary, and settles where
/// calls take about `tolerance` times as long as they do without a queue. Give it a ``WindowedLimit``, so that it sees
/// the average of a second and not single calls.
///
/// Three things are done differently. Under a load that lasts the original takes the queue for the service and grows up
/// to its maximum; here the average takes in only calls that met less than half of the limit in use, and so that there
/// are such calls, the limit is halved every now and then for at least ten, whose average counts from then on.
/// A dropped call is a gradient of 0.5 with no queue allowed, whatever time it took. And only calls admitted after the
/// last step lead to the next, by the average of all that have come back since.
public struct Gradient2Limit: ConcurrencyLimit {
    /// The limit at first. Between ``minimum`` and ``maximum``. Default: 20.
    public let initial: Int
    /// The lowest limit, 1 to 1 000 000. Default: 20.
    public let minimum: Int
    /// The highest limit, ``minimum`` to 1 000 000. Default: 200.
    public let maximum: Int
    /// How much of a change takes effect, above 0 to 1. Default: 0.2.
    public let smoothing: Double
    /// By how much the limit may exceed what the gradient says, so that it can grow. 1 to 1 000 000. Default: 4.
    public let queueSize: Int
    /// How many calls the average spans, as the N of an exponential average with the weight 2/(N+1); the limit is
    /// halved once in this many calls, times a random factor of 0.5 to 1. From 10 to 1 000 000. Default: 600.
    public let longWindow: Int
    /// How many times longer than on average a call may take before the limit shrinks. 1 to 100. Default: 1.5.
    public let tolerance: Double

    private let range: LimitRange
    private var estimate: Double
    private var average = 0.0
    private var averaged = 0.0
    private var probe = LoadProbe()
    private var pacer = StepPacer()

    private static let warmUp = 10.0

    /// How many calls may be in flight.
    public var limit: Int { min(Int(estimate), probe.ceiling ?? .max) }

    /// The round-trip time that others are compared with; `nil` before the first call.
    public var averageRoundTripTime: Duration? { averaged > 0 ? .nanoseconds(average) : nil }

    /// ``averageRoundTripTime``.
    public var baselineRoundTripTime: Duration? { averageRoundTripTime }

    /// Creates a limit; every parameter has a default. What is not allowed is reported by ``validate()``.
    public init(
        initial: Int = 20, minimum: Int = 20, maximum: Int = 200, smoothing: Double = 0.2, queueSize: Int = 4,
        longWindow: Int = 600, tolerance: Double = 1.5
    ) {
        self.initial = initial
        self.minimum = minimum
        self.maximum = maximum
        self.smoothing = smoothing
        self.queueSize = queueSize
        self.longWindow = longWindow
        self.tolerance = tolerance
        range = LimitRange(minimum, maximum)
        estimate = range.clamp(Double(initial))
    }

    /// Moves towards what the call's time tells; stays if less than half of the limit was in use.
    public mutating func record(
        roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
    ) {
        if isDropped {
            if pacer.takesStep(for: roundTripTime, endingAt: now) { change(to: estimate * 0.5) }
            return
        }
        let step = probe.record(
            roundTripTime, inFlight: inFlight, now: now, interval: Double(longWindow), limit: Int(estimate),
            minimum: Int(range.lowest))
        switch step {
        case .probing: return
        case .measured(_, let measured):
            (average, averaged) = (measured, Self.warmUp)
            pacer.clear()
            return
        case .idle: break
        }
        let time = roundTripTime.positiveNanoseconds
        let isHalfUsed = isHalfUsed(by: inFlight)
        pacer.note(time)
        if averaged < Self.warmUp {
            averaged += 1
            average += (time - average) / averaged
        } else if !isHalfUsed {
            // One call that took forever, or whose clock was wrong, must not make the average.
            average += (min(time, 10 * average) - average) * 2 / (Double(longWindow) + 1)
        }
        // After a long overload, do not wait for the average to come down by itself. A few fast calls are no sign of
        // its end.
        if average > 2 * pacer.usualTime { average *= 0.95 }
        guard isHalfUsed, let recent = pacer.takesStep(by: time, for: roundTripTime, endingAt: now) else { return }
        let gradient = max(0.5, min(1, tolerance * average / recent))
        change(to: estimate * gradient + Double(queueSize))
    }

    private mutating func change(to target: Double) {
        estimate = range.clamp(estimate + smoothing * (target - estimate))
    }

    /// Checks every parameter.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("gradient2Limit")
        check.require(initial: initial, minimum: minimum, maximum: maximum)
        check.require(smoothing: smoothing)
        check.require("queueSize", queueSize, in: 1...LimitRange.largest)
        check.require("longWindow", longWindow, in: 10...1_000_000)
        check.require("tolerance", tolerance, in: 1...100)
        try check.finish()
    }

    /// Takes the seed of the factor that varies how often the limit is halved.
    public mutating func seed(from random: RandomSource) { probe.seed(from: random) }

    /// Goes on from the other limit, within its own range; from another of this kind, with what that has measured.
    public mutating func resume(from previous: any ConcurrencyLimit) {
        guard let previous = previous as? Gradient2Limit else {
            estimate = range.clamp(Double(previous.limit))
            return
        }
        estimate = range.clamp(previous.estimate)
        (average, averaged, probe) = (previous.average, previous.averaged, previous.probe)
    }
}

extension ConcurrencyLimit where Self == Gradient2Limit {
    /// A ``Gradient2Limit``.
    public static func gradient2(
        initial: Int = 20, minimum: Int = 20, maximum: Int = 200, smoothing: Double = 0.2, queueSize: Int = 4,
        longWindow: Int = 600, tolerance: Double = 1.5
    ) -> Gradient2Limit {
        Gradient2Limit(
            initial: initial, minimum: minimum, maximum: maximum, smoothing: smoothing, queueSize: queueSize,
            longWindow: longWindow, tolerance: tolerance)
    }
}
