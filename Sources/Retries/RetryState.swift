internal import ResilienceCore

/// What one call has gone through so far, and the decision what follows a failure. Waits for nothing and reads no clock.
struct RetryState {
    /// What to do after a failure.
    enum Plan: Equatable {
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

    init(_ configuration: Retry.Configuration, isIdempotent: Bool) {
        self.configuration = configuration
        self.isIdempotent = isIdempotent
    }

    /// Decides by everything but the budget, which must not pay for what does not happen.
    ///
    /// - Throws: The error of a delay function.
    mutating func plan(after error: any Error, _ limits: Limits, _ random: RandomSource) throws -> Plan {
        hintWasUnreadable = false
        if error is CancellationError || Task.isCancelled {
            // Who is cancelled because the deadline has passed has failed: the service did not answer in time.
            return .giveUp(limits.isPastDeadline ? .deadline : .cancelled)
        }
        guard configuration.retryOn.holds(error) else { return .giveUp(.notRetryable) }
        guard isIdempotent || neverRan(error) else { return .giveUp(.notIdempotent) }
        guard attempt < configuration.maxAttempts else { return .giveUp(.attempts) }
        let wish = try wish(after: error, random)
        if case .delay(let delay, let isBinding) = wish { return bound(delay, isBinding, limits) }
        return .giveUp(wish.reason)
    }

    /// Whether the configuration would retry an error if nothing else stood against it.
    func mayContinue(after error: any Error) -> Bool {
        attempt < configuration.maxAttempts && configuration.retryOn.holds(error) && (isIdempotent || neverRan(error))
    }

    /// Notes down a failure, and how long the call waits before it tries again; `nil` if it does not.
    mutating func note(_ error: any Error, delay: Duration?) -> Retry.FailedAttempt {
        let failed = Retry.FailedAttempt(attempt: attempt, error: error, delay: delay)
        if let delay { previousDelay = delay }
        if configuration.exhaustion == .allAttempts {
            if failures.count == Self.maxFailures { failures.removeFirst() }
            failures.append(failed)
        }
        return failed
    }

    private func neverRan(_ error: any Error) -> Bool {
        !(error is UnacceptedResult) && configuration.neverRan.holds(error)
    }

    /// The delay that somebody wants, before it meets the limits.
    private enum Wish {
        /// Binding is one that must not be shortened.
        case delay(Duration, isBinding: Bool)
        case noRetry
        case rejection
        case backoff

        var reason: Retry.StopReason {
            switch self {
            case .delay, .noRetry: .server
            case .rejection: .rejection
            case .backoff: .backoff
            }
        }
    }

    private mutating func wish(after error: any Error, _ random: RandomSource) throws -> Wish {
        if let rejection = error as? any PolicyRejection {
            guard let earliest = rejection.retryAfter else { return .rejection }
            // No sooner, for it would be refused again; later if the backoff says so.
            guard let delay = try backoff(error, random) else { return .backoff }
            return .delay(max(delay, earliest), isBinding: true)
        }
        if configuration.serverHints != .ignored, let hint = ServerHint(error) {
            switch hint {
            case .retryAfter(let delay):
                return .delay(max(.zero, delay), isBinding: configuration.serverHints == .exact)
            case .doNotRetry: return .noRetry
            case .unreadable: hintWasUnreadable = true
            }
        }
        guard let delay = try backoff(error, random) else { return .backoff }
        return .delay(delay, isBinding: false)
    }

    private mutating func backoff(_ error: any Error, _ random: RandomSource) throws -> Duration? {
        let failure = Backoff.Failure(error: error, attempt: attempt, previousDelay: previousDelay)
        return try configuration.backoff.delay(after: failure, cap: configuration.maxDelay, &memory, random)
    }

    private func bound(_ wanted: Duration, _ isBinding: Bool, _ limits: Limits) -> Plan {
        if isBinding, wanted > configuration.maxDelay { return .giveUp(.delay) }
        var delay = min(wanted, configuration.maxDelay)
        if let maxDuration = configuration.maxDuration {
            let left = maxDuration - limits.elapsed
            guard left > .zero else { return .giveUp(.duration) }
            if delay > left {
                guard configuration.lastDelay == .trim, !isBinding else { return .giveUp(.duration) }
                delay = left
            }
        }
        if let remaining = limits.remaining, delay >= remaining { return .giveUp(.deadline) }
        return .retry(after: delay)
    }
}

extension RetryState.Limits {
    var isPastDeadline: Bool { remaining.map { $0 <= .zero } ?? false }
}
