internal import ResilienceCore

/// Finds out how long calls take when they do not queue: from time to time the limit is halved, until a few calls have
/// been measured that met no more than that in flight.
///
/// Without it, a limit that is always used up only ever sees the round-trip times of the queue that it causes, takes
/// them for those of the service, and grows without end. A queue longer than half the limit is still in the
/// measurement; each probe halves what was left of the error.
struct LoadProbe: Sendable {
    enum Step: Equatable {
        /// No probe is under way.
        case idle
        /// A probe has begun or goes on: the limit is to stay as it is.
        case probing
        /// A probe has ended: the shortest and the average round-trip time.
        case measured(lowest: Double, average: Double)
    }

    private struct Run: Sendable {
        let start: TimeSource.Instant
        let ceiling: Int
        var lowest = Double.infinity
        var sum = 0.0
        var count = 0.0
        /// How many more calls to look at before giving up.
        var patience: Int
    }

    /// How many calls a probe measures.
    static let samples = 10.0

    private var generator = SplitMix64(seed: 0x5EED)
    private var jitter: Double
    private var recorded = 0.0
    private var run: Run?

    init() {
        jitter = Double.random(in: 0.5...1, using: &generator)
    }

    mutating func seed(from random: RandomSource) {
        generator = SplitMix64(seed: UInt64(random.next() * 0x1p53))
        jitter = Double.random(in: 0.5...1, using: &generator)
    }

    /// The most calls in flight that a probe under way allows.
    var ceiling: Int? { run?.ceiling }

    /// Takes notice of a call that was not dropped.
    ///
    /// - Parameters:
    ///   - interval: How many calls there are at most between two probes; half as many at least.
    ///   - limit: The limit outside of a probe.
    ///   - minimum: The lowest that the limit may be.
    mutating func record(
        _ roundTripTime: Duration, inFlight: Int, now: TimeSource.Instant, interval: Double, limit: Int, minimum: Int
    ) -> Step {
        guard var run else {
            recorded += 1
            guard recorded >= jitter * interval else { return .idle }
            let patience = max(40, limit.multipliedReportingOverflow(by: 4).partialValue)
            self.run = Run(start: now, ceiling: max(minimum, limit / 2), patience: patience)
            return .probing
        }
        let nanoseconds = roundTripTime.positiveNanoseconds
        if inFlight <= run.ceiling, now.admission(of: roundTripTime) >= run.start {
            run.lowest = min(run.lowest, nanoseconds)
            run.sum += nanoseconds
            run.count += 1
        }
        run.patience -= 1
        self.run = run
        guard run.count >= Self.samples || run.patience <= 0 else { return .probing }
        self.run = nil
        recorded = 0
        jitter = Double.random(in: 0.5...1, using: &generator)
        return run.count > 0 ? .measured(lowest: run.lowest, average: run.sum / run.count) : .probing
    }
}
