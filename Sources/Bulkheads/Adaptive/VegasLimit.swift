public import ResilienceCore

/// A limit that keeps the queue at the service short, as it is told by how much longer calls take than the shortest.
///
/// After TCP Vegas (Brakmo and Peterson, 1995) in the form of Netflix's `VegasLimit`. The queue is estimated as
/// `limit · (1 − shortest/roundTripTime)`. With `log` for the whole part of the limit's decimal logarithm, at least 1:
/// at a queue of `log` or less the limit grows by `beta · log`; below `alpha · log`, by `log`; above `beta · log` it
/// shrinks by `log`; in between it stays. A dropped call shrinks it by `log`.
///
/// Where calls do not all take about equally long, put it in a ``WindowedLimit``: it then compares averages.
///
/// Three things are done differently. The shortest time is measured again every now and then, as in the original, but
/// the limit is halved for that, for ten calls and a round trip at least; otherwise it would be measured in a queue of
/// the limit's own making, and under a load that lasts the limit would grow with each measurement. Only calls admitted
/// after the last step lead to the next. And neither a dropped call counts as the shortest, nor one that took less than
/// half as long as that: cached answers and errors found at once would be taken for what the service can do. Only when
/// such calls are the rule, three of four, is the service taken to have become faster.
public struct VegasLimit: ConcurrencyLimit {
    /// The limit at first. Between ``minimum`` and ``maximum``. Default: 20.
    public let initial: Int
    /// The lowest limit, 1 to 1 000 000. Default: 1.
    public let minimum: Int
    /// The highest limit, ``minimum`` to 1 000 000. Default: 1000.
    public let maximum: Int
    /// How much of a change takes effect, above 0 to 1. Default: 1, all of it.
    public let smoothing: Double
    /// Up to which queue the limit grows, as a multiple of its logarithm. 1 to ``beta``. Default: 3.
    public let alpha: Int
    /// From which queue on the limit shrinks, as a multiple of its logarithm. ``alpha`` to 1000. Default: 6.
    public let beta: Int
    /// The shortest time is measured again after this many calls for each one that the limit allows, varied by a random
    /// factor of 0.5 to 1. From 1 to 1 000 000. Default: 30.
    public let probeInterval: Int

    private let range: LimitRange
    private var estimate: Double
    private var shortest: Double?
    /// How many calls have been compared with the first, and how many of them took more than twice as long.
    private var compared = 0
    private var longer = 0
    private var fast = FastCalls()
    private var hasDoubtfulProbe = false
    private var probe = LoadProbe()
    private var pacer = StepPacer()

    private static let warmUp = 200

    /// How many calls may be in flight.
    public var limit: Int { min(Int(estimate), probe.ceiling ?? .max) }

    /// The round-trip time taken for that of an idle service; `nil` before the first call.
    public var shortestRoundTripTime: Duration? { shortest.map { .nanoseconds($0) } }

    /// ``shortestRoundTripTime``.
    public var baselineRoundTripTime: Duration? { shortestRoundTripTime }

    /// Creates a limit; every parameter has a default. What is not allowed is reported by ``validate()``.
    public init(
        initial: Int = 20, minimum: Int = 1, maximum: Int = 1000, smoothing: Double = 1, alpha: Int = 3, beta: Int = 6,
        probeInterval: Int = 30
    ) {
        self.initial = initial
        self.minimum = minimum
        self.maximum = maximum
        self.smoothing = smoothing
        self.alpha = alpha
        self.beta = beta
        self.probeInterval = probeInterval
        range = LimitRange(minimum, maximum)
        estimate = range.clamp(Double(initial))
    }

    /// Grows or shrinks by what the call tells of the queue; stays if less than half of the limit was in use.
    public mutating func record(
        roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
    ) {
        if isDropped {
            if pacer.takesStep(for: roundTripTime, endingAt: now) { change(to: estimate - logarithm) }
            return
        }
        let interval = Double(probeInterval) * estimate
        let step = probe.record(
            roundTripTime, inFlight: inFlight, now: now, interval: interval, limit: Int(estimate),
            minimum: Int(range.lowest))
        switch step {
        case .probing: return
        case .measured(let lowest, _):
            // Few slow calls among many fast ones may all have missed a probe: only two in a row lower the time by
            // much.
            let isDoubtful = shortest.map { lowest < $0 / 2 } ?? false
            defer { hasDoubtfulProbe = isDoubtful }
            guard !isDoubtful || hasDoubtfulProbe else { return }
            shortest = lowest
            (compared, fast) = (Self.warmUp, FastCalls())
            return
        case .idle: break
        }
        let time = roundTripTime.positiveNanoseconds
        guard let present = shortest, !isFirstOutlier(time, present) else {
            shortest = time
            return
        }
        guard !fast.leavesOut(time, below: present / 2, lowering: &shortest) else { return }
        guard let shortest, time >= shortest else {
            shortest = time
            return
        }
        guard isHalfUsed(by: inFlight), pacer.takesStep(for: roundTripTime, endingAt: now) else { return }
        let queue = (estimate * (1 - shortest / time)).rounded(.up)
        if queue <= logarithm {
            change(to: estimate + Double(beta) * logarithm)
        } else if queue < Double(alpha) * logarithm {
            change(to: estimate + logarithm)
        } else if queue > Double(beta) * logarithm {
            change(to: estimate - logarithm)
        }
    }

    /// Whether the shortest time is that of one of the first calls, which was far too short to be the service's: no
    /// queue makes ten times of it within a few calls.
    private mutating func isFirstOutlier(_ time: Double, _ shortest: Double) -> Bool {
        guard compared < Self.warmUp, longer < 10 else { return false }
        compared += 1
        // The fast ones come back first, perhaps many of them.
        if time > 2 * shortest { longer += 1 }
        return time > 10 * shortest
    }

    private mutating func change(to target: Double) {
        estimate = range.clamp(estimate + smoothing * (range.clamp(target) - estimate))
    }

    /// The whole part of the decimal logarithm, at least 1.
    private var logarithm: Double {
        var (rest, digits) = (Int(estimate) / 100, 1)
        while rest > 0 { (rest, digits) = (rest / 10, digits + 1) }
        return Double(digits)
    }

    /// Checks every parameter.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("vegasLimit")
        check.require(initial: initial, minimum: minimum, maximum: maximum)
        check.require(smoothing: smoothing)
        check.require("beta", beta, in: 1...1000)
        check.require("alpha", alpha, in: 1...max(1, beta))
        check.require("probeInterval", probeInterval, in: 1...1_000_000)
        try check.finish()
    }

    /// Takes the seed of the factor that varies ``probeInterval``.
    public mutating func seed(from random: RandomSource) { probe.seed(from: random) }

    /// Goes on from the other limit, within its own range; from another of this kind, with what that has measured.
    public mutating func resume(from previous: any ConcurrencyLimit) {
        guard let previous = previous as? VegasLimit else {
            estimate = range.clamp(Double(previous.limit))
            return
        }
        estimate = range.clamp(previous.estimate)
        shortest = previous.shortest
        compared = previous.compared
        probe = previous.probe
    }
}

extension ConcurrencyLimit where Self == VegasLimit {
    /// A ``VegasLimit``.
    public static func vegas(
        initial: Int = 20, minimum: Int = 1, maximum: Int = 1000, smoothing: Double = 1, alpha: Int = 3, beta: Int = 6,
        probeInterval: Int = 30
    ) -> VegasLimit {
        VegasLimit(
            initial: initial, minimum: minimum, maximum: maximum, smoothing: smoothing, alpha: alpha, beta: beta,
            probeInterval: probeInterval)
    }
}

extension ConfigurationCheck {
    mutating func require(smoothing: Double) {
        require(smoothing > 0 && smoothing <= 1, "smoothing", "\(smoothing)", "is not above 0 and at most 1")
    }
}
