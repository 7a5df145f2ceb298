internal import ResilienceCore

/// What one call has gone through so far, and the decision what follows a failure. Waits for nothing and reads no
/// clock.
struct RetryState {
    /// What to do after a failure.
    enum Decision: Equatable {
        case retry(after: Duration)
        case giveUp(Retry.StopReason)
    }

    /// What time leaves.
    struct Limits {
        /// Since the start of the call.
        var elapsed: Duration = .zero
        /// Until the call's deadline; `nil` if there is none.
        var remaining: Duration?
    }

    /// How many failures an ``Retry/ExhaustedError`` holds at most.
    static let maxFailures = 32

    /// The number of the attempt that is running or has just failed.
    var attempt = 1

    /// The latest failures, if they are asked for at the end.
    private(set) var failures: [Retry.FailedAttempt] = []

    /// Whether the latest failure carried a hint that made no sense.
    private(set) var hintWasUnreadable = false

    private let configuration: Retry.Configuration
    private let isIdempotent: Bool
    private var previousDelay: Duration?
    private var memory = Jitter.Memory()
    /// How many attempts had failed when the backoff began again.
    private var stepsBefore = 0

    init(_ configuration: Retry.Configuration, isIdempotent: Bool) {
        self.configuration = configuration
        self.isIdempotent = isIdempotent
    }

    /// Decides by everything but the budget, which must not pay for what does not happen.
    ///
    /// - Throws: The error of a delay function.
    mutating func plan(
        after error: any Error, _ end: CallEnd, _ limits: Limits, _ random: RandomSource
    ) throws -> Decision {
        hintWasUnreadable = false
        // A call that is cancelled because the deadline has passed has failed: the service did not answer in time.
        if end == .expired { return .giveUp(.deadline) }
        if end == .cancelled { return .giveUp(.cancelled) }
        // What a layer refused is told as that; but no caller waits for another attempt.
        if end == .rejected, Task.isCancelled { return .giveUp(limits.isPastDeadline ? .deadline : .cancelled) }
        guard configuration.handles.handles(error) else { return .giveUp(.notRetryable) }
        guard isIdempotent || neverRan(error) else { return .giveUp(.notIdempotent) }
        guard attempt < configuration.maxAttempts else { return .giveUp(.attempts) }
        switch try requestedDelay(after: error, end, limits, random) {
        case .delay(let delay): return bound(delay, limits)
        case .atLeast(let hint): return bound(hint, limits, random)
        case .stop(let reason): return .giveUp(reason)
        }
    }

    /// Why no further attempt may start although its delay is over, as after a sleep that ended late.
    func reasonToStop(_ limits: Limits) -> Retry.StopReason? {
        if limits.isPastDeadline { return .deadline }
        guard let maxDuration = configuration.maxDuration else { return nil }
        return limits.elapsed > maxDuration + Self.timerTolerance ? .duration : nil
    }

    /// By how much a delay that ends exactly at the longest duration may be late: every timer is, a little.
    private static let timerTolerance = Duration.milliseconds(10)

    /// Whether the configuration would retry an error if nothing else stood against it.
    func mayContinue(after error: any Error) -> Bool {
        attempt < configuration.maxAttempts && configuration.handles.handles(error) && (isIdempotent || neverRan(error))
    }

    /// Notes down a failure, and how long the call waits before it tries again; `nil` if it does not.
    mutating func note(_ error: any Error, delay: Duration?) -> Retry.FailedAttempt {
        let failed = Retry.FailedAttempt(attempt: attempt, error: error, delay: delay)
        if let delay { previousDelay = delay }
        if configuration.exhaustion == .exhaustedError {
            if failures.count == Self.maxFailures { failures.removeFirst() }
            failures.append(failed)
        }
        return failed
    }

    private func neverRan(_ error: any Error) -> Bool { configuration.neverRan.excludes(error) }

    /// The delay that was asked for, before it meets the limits.
    private enum RequestedDelay {
        /// That of the backoff, jittered.
        case delay(Duration)
        case atLeast(Hint)
        case stop(Retry.StopReason)
    }

    /// A delay that was asked for: it is not shortened, but may be longer, so that calls that were asked for the same
    /// do not come back together.
    private struct Hint {
        var range: ClosedRange<Duration>
        /// What the backoff says, where that counts too.
        var backoff = Duration.zero
    }

    private mutating func requestedDelay(
        after error: any Error, _ end: CallEnd, _ limits: Limits, _ random: RandomSource
    ) throws -> RequestedDelay {
        if end == .rejected {
            let rejection = unwrapped(error) as? any PolicyRejection
            guard configuration.waitsForRejections, let earliest = rejection?.retryAfter else {
                return .stop(.rejection)
            }
            guard earliest <= configuration.maxDelay else { return .stop(.delay) }
            // No sooner, because it would be refused again; later if the backoff says so.
            guard let delay = try backoff(error, limits, random) else { return .stop(.backoff) }
            return .atLeast(Hint(range: above(max(.zero, earliest)), backoff: delay))
        }
        if configuration.serverHints != .ignored, let hint = ServerHint(error) {
            switch hint {
            case .retryAfter(let delay):
                startBackoffAnew()
                let longest = configuration.maxDelay
                if delay > longest, configuration.serverHints == .exact { return .stop(.delay) }
                return .atLeast(Hint(range: above(delay.clamped(to: .zero...longest))))
            case .doNotRetry: return .stop(.server)
            case .unreadable: hintWasUnreadable = true
            }
        }
        guard let delay = try backoff(error, limits, random) else { return .stop(.backoff) }
        return .delay(delay)
    }

    /// The jitter of a delay that was asked for.
    private func above(_ delay: Duration) -> ClosedRange<Duration> {
        delay...delay.prolonged(by: configuration.hintJitter)
    }

    /// After a server's word the backoff begins again, as in gRPC (gRFC A6): what comes next is another trouble.
    private mutating func startBackoffAnew() {
        stepsBefore = attempt
        memory = Jitter.Memory()
        previousDelay = nil
    }

    private mutating func backoff(_ error: any Error, _ limits: Limits, _ random: RandomSource) throws -> Duration? {
        let failure = Backoff.Failure(
            error: error, attempt: attempt, step: attempt - stepsBefore,
            previousDelay: attempt - stepsBefore == 1 ? nil : previousDelay)
        // A delay that is trimmed is varied below what is left, as one that meets the longest delay.
        var cap = configuration.maxDelay
        if configuration.lastDelay == .trim, let maxDuration = configuration.maxDuration {
            cap = min(cap, max(.zero, maxDuration - limits.elapsed))
        }
        return try configuration.backoff.delay(after: failure, cap: cap, &memory, random)
    }

    /// A delay of the backoff, which has been trimmed already if it may be.
    private func bound(_ delay: Duration, _ limits: Limits) -> Decision {
        if let maxDuration = configuration.maxDuration {
            let left = maxDuration - limits.elapsed
            guard left > .zero, delay <= left else { return .giveUp(.duration) }
        }
        if let remaining = limits.remaining, delay >= remaining { return .giveUp(.deadline) }
        return .retry(after: delay)
    }

    /// A delay that was asked for. Its jitter gives way to the limits; what was asked for does not.
    private func bound(_ hint: Hint, _ limits: Limits, _ random: RandomSource) -> Decision {
        let earliest = max(hint.range.lowerBound, hint.backoff)
        var latest = max(hint.range.upperBound, hint.backoff)
        if let maxDuration = configuration.maxDuration {
            let left = maxDuration - limits.elapsed
            guard left > .zero, earliest <= left else { return .giveUp(.duration) }
            latest = min(latest, left)
        }
        if let remaining = limits.remaining {
            guard earliest < remaining else { return .giveUp(.deadline) }
            latest = min(latest, remaining - .nanoseconds(1))
        }
        guard hint.range.upperBound > hint.range.lowerBound else { return .retry(after: earliest) }
        let lowest = hint.range.lowerBound
        let span = max(.zero, latest - lowest)
        let drawn = lowest + span.multipliedSaturated(by: random.next())
        return .retry(after: max(earliest, min(drawn, latest)))
    }
}

extension RetryState.Limits {
    var isPastDeadline: Bool { remaining.map { $0 <= .zero } ?? false }
}
