internal import ResilienceCore

/// What a throttle counts, over a rolling window: a pure value that is told the time.
struct AdaptiveThrottleState: Sendable {
    private struct Bucket: Sendable, Hashable {
        var requests = 0
        var accepts = 0
    }

    private(set) var configuration: AdaptiveThrottle.Configuration
    private(set) var totals = AdaptiveThrottle.Totals()

    /// The sums over the window, as of the newest part.
    private(set) var requests = 0
    private(set) var accepts = 0

    /// The parts of the window, a ring indexed by part number.
    private var buckets: [Bucket]
    private var width: Int64
    private let origin: TimeSource.Instant
    private var newest: Int64 = 0
    private var isRejecting = false

    init(_ configuration: AdaptiveThrottle.Configuration, now: TimeSource.Instant) {
        self.configuration = configuration
        origin = now
        width = Self.width(configuration)
        buckets = Array(repeating: Bucket(), count: configuration.buckets)
    }

    /// Rounded up, so that the window is never shorter than asked for.
    private static func width(_ configuration: AdaptiveThrottle.Configuration) -> Int64 {
        let (width, rest) = configuration.window.saturatedNanoseconds
            .quotientAndRemainder(dividingBy: Int64(configuration.buckets))
        return rest > 0 ? width + 1 : width
    }

    // MARK: Deciding

    /// The probability with which a call is to be rejected, as of the newest part.
    var rejectionProbability: Double {
        guard requests >= configuration.minimumRequests else { return 0 }
        let excess = Double(requests) - configuration.multiplier * Double(accepts)
        return excess > 0 ? min(configuration.maxRejection, excess / (Double(requests) + 1)) : 0
    }

    /// The probability with which a call is to be rejected now; `nil` if the window has been moved further than that.
    mutating func rejectionProbability(now: TimeSource.Instant) -> Double? {
        advance(to: now)
        return latestPart(after: now) == nil ? rejectionProbability : nil
    }

    /// Until when no call is to be rejected if nothing is recorded: a part that ends may hold the accepts.
    var calmUntil: TimeSource.Instant {
        guard rejectionProbability == 0 else { return TimeSource.Instant(nanoseconds: .min) }
        return start(of: newest.addingSaturated(1))
    }

    /// Whether the first call since the throttle was calm has been rejected. True once.
    mutating func beginsRejecting() -> Bool {
        defer { isRejecting = true }
        return !isRejecting
    }

    /// Whether the throttle has become calm after rejecting calls. True once.
    mutating func endsRejecting() -> Bool {
        guard isRejecting, rejectionProbability == 0 else { return false }
        isRejecting = false
        return true
    }

    // MARK: Counting

    /// Counts a call that ended.
    ///
    /// Need not be told the time: a part that is over by now is forgotten before the next decision.
    ///
    /// - Returns: Whether it is in the window. If it began more than half of the window ago it is not, and only the
    ///   totals count it: see ``recordLate(_:now:)``.
    @discardableResult
    mutating func record(
        _ outcome: AdaptiveThrottle.Outcome, startedAt start: TimeSource.Instant, now: TimeSource.Instant? = nil
    ) -> Bool {
        switch outcome {
        case .accepted: totals.accepted.increment()
        case .refused: totals.refused.increment()
        case .ignored: totals.ignored.increment()
        case .cancelled: totals.cancelled.increment()
        }
        guard outcome.counts else { return false }
        if let now { advance(to: now) }
        let index = index(of: start)
        guard newest.subtractingSaturated(index) <= Int64(buckets.count / 2) else { return false }
        return count(start, isAccepted: outcome == .accepted)
    }

    /// Counts a call in the window alone that began long ago: where it ended, because its result is news.
    mutating func recordLate(_ outcome: AdaptiveThrottle.Outcome, now: TimeSource.Instant) -> Bool {
        count(now, isAccepted: outcome == .accepted)
    }

    /// Counts a call that was rejected.
    mutating func reject(now: TimeSource.Instant) {
        totals.rejected.increment()
        _ = count(now, isAccepted: false)
    }

    private mutating func count(_ instant: TimeSource.Instant, isAccepted: Bool) -> Bool {
        let index = index(of: instant)
        if index > newest { advance(to: instant) }
        guard index > newest.subtractingSaturated(Int64(buckets.count)) else { return false }
        let slot = slot(index)
        buckets[slot].requests.increment()
        requests.increment()
        guard isAccepted else { return true }
        buckets[slot].accepts.increment()
        accepts.increment()
        return true
    }

    /// The newest part of the window, if that is after the part of a moment.
    func latestPart(after now: TimeSource.Instant) -> Int64? { newest > index(of: now) ? newest : nil }

    /// Goes back to the present, if the clock is known to have been wrong when it led to a part. What was counted
    /// since, and what has been forgotten, is lost.
    mutating func rewind(to now: TimeSource.Instant, if doubted: Int64) {
        let index = index(of: now)
        guard doubted > index, newest >= doubted else { return }
        buckets = Array(repeating: Bucket(), count: buckets.count)
        (requests, accepts, newest) = (0, 0, index)
    }

    /// Brings the window up to the present: what is older is forgotten.
    mutating func advance(to now: TimeSource.Instant) {
        let index = index(of: now)
        guard index > newest else { return }
        for step in 1...min(index.subtractingSaturated(newest), Int64(buckets.count)) {
            let slot = slot(newest + step)
            requests -= buckets[slot].requests
            accepts -= buckets[slot].accepts
            buckets[slot] = Bucket()
        }
        newest = index
    }

    private func index(of instant: TimeSource.Instant) -> Int64 {
        let (index, rest) = instant.nanoseconds.subtractingSaturated(origin.nanoseconds)
            .quotientAndRemainder(dividingBy: width)
        return rest < 0 ? index - 1 : index
    }

    private func start(of index: Int64) -> TimeSource.Instant {
        let (offset, overflow) = index.multipliedReportingOverflow(by: width)
        guard !overflow else { return TimeSource.Instant(nanoseconds: index > 0 ? .max : .min) }
        return TimeSource.Instant(nanoseconds: origin.nanoseconds.addingSaturated(offset))
    }

    private func slot(_ index: Int64) -> Int {
        let slot = Int(index % Int64(buckets.count))
        return slot < 0 ? slot + buckets.count : slot
    }

    // MARK: Retuning

    /// Adopts another configuration and keeps the totals and the calls of the window, as far as they are in the new
    /// one.
    mutating func update(_ new: AdaptiveThrottle.Configuration, now: TimeSource.Instant) {
        advance(to: now)
        let (old, oldWidth) = (self, width)
        configuration = new
        width = Self.width(new)
        guard width != oldWidth || new.buckets != old.buckets.count else { return }
        buckets = Array(repeating: Bucket(), count: new.buckets)
        (requests, accepts, newest) = (0, 0, index(of: now))
        for number in old.newest.subtractingSaturated(Int64(old.buckets.count - 1))...old.newest {
            // A part goes where it began, so that nothing is kept for longer than the new window.
            let part = old.buckets[old.slot(number)]
            let index = index(of: old.start(of: number))
            guard index > newest.subtractingSaturated(Int64(buckets.count)) else { continue }
            let slot = slot(index)
            buckets[slot].requests = buckets[slot].requests.addingSaturated(part.requests)
            buckets[slot].accepts = buckets[slot].accepts.addingSaturated(part.accepts)
            requests = requests.addingSaturated(part.requests)
            accepts = accepts.addingSaturated(part.accepts)
        }
    }
}
