internal import ResilienceCore

/// Lets a limit take one step for each round trip: a call admitted before the last step met the limit from before it,
/// and a burst of such calls would take the step many times over.
///
/// Where not all calls take equally long, those that come back first after a step are the fast ones: cached answers, or
/// errors found at once, which never stood in the service's queue. So that these do not lead every step, a step other
/// than for a drop also waits for as long as calls usually take, and is led by the average of the calls since the last.
struct StepPacer: Sendable, Hashable {
    private var lastStep = TimeSource.Instant(nanoseconds: .min)
    private var usual = UsualTime()
    private var sum = 0.0
    private var count = 0.0

    /// How long calls take, in nanoseconds; 0 before the first.
    var usualTime: Double { usual.nanoseconds }

    /// Takes notice of how long a call took that was not dropped.
    mutating func note(_ time: Double) { usual.note(time) }

    /// Whether a call was admitted after the last step; if so, this is the next one.
    mutating func takesStep(for roundTripTime: Duration, endingAt now: TimeSource.Instant) -> Bool {
        guard isAfterLastStep(roundTripTime, now) else { return false }
        step(at: now)
        return true
    }

    /// Counts a call that tells of the load, and takes the next step if one is due.
    ///
    /// - Returns: The average time of the calls since the last step; `nil` if it is not time for the next.
    mutating func takesStep(
        by time: Double, for roundTripTime: Duration, endingAt now: TimeSource.Instant
    ) -> Double? {
        sum += time
        count += 1
        guard isAfterLastStep(roundTripTime, now) else { return nil }
        let elapsed = now.nanoseconds.subtractingSaturated(lastStep.nanoseconds)
        guard Double(elapsed) >= usual.nanoseconds.rounded(.down) else { return nil }
        defer { step(at: now) }
        return sum / count
    }

    /// Forgets the calls since the last step.
    mutating func clear() { (sum, count) = (0, 0) }

    private mutating func step(at now: TimeSource.Instant) {
        lastStep = now
        clear()
    }

    private mutating func isAfterLastStep(_ roundTripTime: Duration, _ now: TimeSource.Instant) -> Bool {
        guard now >= lastStep else {
            // Of two calls the later was recorded first, or the clock was wrong then. In both cases the next call that
            // is let through may lead the next step.
            lastStep = now
            return false
        }
        return now.admission(of: roundTripTime) >= lastStep
    }
}

/// How long calls take: an average that one call alone hardly moves.
struct UsualTime: Sendable, Hashable {
    private(set) var nanoseconds = 0.0

    mutating func note(_ time: Double) {
        nanoseconds += nanoseconds > 0 ? (min(time, 2 * nanoseconds) - nanoseconds) / 16 : time
    }
}

/// Tells calls that took far less time than is usual, as long as they are few: cached answers, errors found at once,
/// wrong readings of a clock.
struct FastCalls: Sendable, Hashable {
    /// How many there have to be, less three for every other call, for them to be what is usual.
    private static let confirmation = 10

    private var count = 0
    private var longest = 0.0

    /// Takes notice of a call.
    ///
    /// - Parameter bound: What less than is far less than usual.
    /// - Returns: Whether it is to be left out. `false` with `usual` lowered if such calls have become the rule.
    mutating func leavesOut(_ time: Double, below bound: Double, lowering usual: inout Double?) -> Bool {
        guard time < bound else {
            count = max(0, count - 3)
            if count == 0 { longest = 0 }
            return false
        }
        count += 1
        longest = max(longest, time)
        guard count >= Self.confirmation else { return true }
        usual = longest
        (count, longest) = (0, 0)
        return false
    }
}
