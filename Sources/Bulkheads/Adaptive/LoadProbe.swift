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
        /// A probe has ended: the shortest and the average round-trip time, without outliers.
        case measured(lowest: Double, average: Double)
    }

    private struct Run: Sendable {
        let start: TimeSource.Instant
        let ceiling: Int
        var times: [Double] = []
        var firstEnd: TimeSource.Instant?
        /// How many more calls to look at before giving up.
        var patience: Int
    }

    /// How many calls a probe measures at least, and keeps at most.
    static let samples = 10
    private static let mostSamples = 200

    private var generator = SplitMix64(seed: 0x5EED)
    private var jitter: Double
    private var recorded = 0.0
    private var usual = UsualTime()
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
        let nanoseconds = roundTripTime.positiveNanoseconds
        guard var run else {
            recorded += 1
            usual.note(nanoseconds)
            guard recorded >= jitter * interval else { return .idle }
            let patience = max(40, limit.multipliedReportingOverflow(by: 4).partialValue)
            self.run = Run(start: now, ceiling: max(minimum, limit / 2), patience: patience)
            return .probing
        }
        if inFlight <= run.ceiling, now.admission(of: roundTripTime) >= run.start {
            if run.times.count < Self.mostSamples { run.times.append(nanoseconds) }
            // One that was measured wrongly must not make the others wait.
            run.firstEnd = min(run.firstEnd ?? now, now)
        }
        run.patience -= 1
        self.run = run
        guard isOver(run, now) else { return .probing }
        self.run = nil
        recorded = 0
        jitter = Double.random(in: 0.5...1, using: &generator)
        return measured(run.times)
    }

    /// Where not all calls take equally long, the first to come back are the fast ones: so a probe lasts for as long as
    /// calls usually take, and four times as long if there are some that are far faster.
    private func isOver(_ run: Run, _ now: TimeSource.Instant) -> Bool {
        guard run.times.count >= Self.samples, let firstEnd = run.firstEnd else { return run.patience <= 0 }
        let elapsed = now.nanoseconds.subtractingSaturated(firstEnd.nanoseconds)
        let isMixed = (run.times.min() ?? 0) < usual.nanoseconds / 4
        return Double(elapsed) >= (isMixed ? 4 : 1) * usual.nanoseconds.rounded(.down) || run.patience <= 0
    }

    /// The average leaves out the shortest and the longest: a call in a hundred may have been answered from a cache, or
    /// waited for a connection. The shortest is that of the calls which took at least half as long.
    private func measured(_ times: [Double]) -> Step {
        let sorted = times.sorted()
        guard let first = sorted.first else { return .probing }
        let inner = sorted.count > 2 ? sorted[1..<sorted.count - 1] : sorted[...]
        let average = inner.reduce(0, +) / Double(inner.count)
        return .measured(lowest: sorted.first { $0 >= average / 2 } ?? first, average: average)
    }
}
