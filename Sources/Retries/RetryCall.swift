internal import ResilienceCore
internal import Synchronization

/// One call that has failed at least once: asks its state what to do, and does what follows from that, save waiting.
struct RetryCall {
    private(set) var state: RetryState
    /// Whether no caller gets the value of the attempt that failed last, although the call ends with it.
    private(set) var losesValue = false
    private var context: Context
    private let retry: Retry
    private let start: Retry.Start
    private let configuration: Retry.Configuration
    /// Whether a layer further out has the same budget: it tells the budget how this whole call ends.
    private let isWithinBudget: Bool

    init(_ start: Retry.Start, _ context: Context, _ retry: Retry) {
        configuration = start.settings?.configuration ?? retry.configuration
        state = RetryState(configuration, isIdempotent: context[Idempotence.self] ?? configuration.isIdempotent)
        let mark = start.settings?.mark
        isWithinBudget = mark?.isSet(in: context) ?? false
        self.start = start
        self.context = mark?.setting(in: context) ?? context
        self.retry = retry
    }

    /// Decides what follows a failure.
    ///
    /// - Returns: What to wait before the next attempt.
    /// - Throws: The error that ends the call.
    mutating func plan(after error: any Error) throws -> AttemptDelay {
        let now = retry.time.now
        let end = CallEnd(error, in: context)
        let decision: RetryState.Decision
        do {
            decision = try state.plan(after: error, end, limits(now), retry.random)
        } catch {
            losesValue = true
            giveUp(.backoff, error)
            throw error
        }
        if state.hintWasUnreadable { retry.tally.hintsIgnored.wrappingAdd(1, ordering: .relaxed) }
        switch decision {
        case .giveUp(let reason):
            if reason.isOfRetryableFailure, end.isFailure, !isWithinBudget { configuration.budget?.recordFailure() }
            throw giveUp(reason, error)
        case .retry(let delay):
            guard isAffordable(after: end) else {
                retry.tally.refusedByBudget.wrappingAdd(1, ordering: .relaxed)
                throw giveUp(.budget, error)
            }
            let failed = state.note(error, delay: delay)
            context.report(Retry.FailedAttempt.Key.self, failed)
            if retry.events.isListening { retry.events.notify(.attemptFailed(failed)) }
            if retry.delays.isAttached { retry.delays.record(0, nanoseconds: delay.saturatedNanoseconds) }
            return AttemptDelay(delay: delay, end: now.advanced(by: delay))
        }
    }

    /// Looks at the time again after a delay, which may have ended late.
    ///
    /// - Throws: The error that ends the call, if no attempt may start any more.
    func checkTime(after error: any Error) throws {
        let now = retry.time.now
        guard let reason = state.reasonToStop(limits(now)) else { return }
        configuration.budget?.putBack()
        end(reason, error)
        throw failure(reason, error)
    }

    /// The context of the next attempt.
    mutating func beginAttempt() -> Context {
        state.attempt.increment()
        context.attempt.increment()
        retry.tally.retries.wrappingAdd(1, ordering: .relaxed)
        return context
    }

    /// The call was cancelled before an attempt that was paid for.
    func cancelled(_ error: any Error) {
        configuration.budget?.putBack()
        end(CallEnd(error, in: context) == .expired ? .deadline : .cancelled, error)
    }

    private func limits(_ now: TimeSource.Instant) -> RetryState.Limits {
        let remaining = context.deadline(on: retry.time, now: now).map { now.duration(to: $0) }
        let elapsed = configuration.maxDuration == nil ? .zero : start.instant.duration(to: now)
        return RetryState.Limits(elapsed: elapsed, remaining: remaining)
    }

    /// What a layer inside refused did not fail at the service.
    private func isAffordable(after end: CallEnd) -> Bool {
        guard let budget = configuration.budget else { return true }
        return end == .rejected ? budget.tryWithdraw() : budget.tryWithdrawAfterFailure(isInner: isWithinBudget)
    }

    /// Ends the call; the error for the caller.
    @discardableResult
    private mutating func giveUp(_ reason: Retry.StopReason, _ error: any Error) -> any Error {
        context.report(Retry.FailedAttempt.Key.self, state.note(error, delay: nil))
        end(reason, error)
        // A value that came back although the caller had given up: no caller waits for it.
        if reason == .cancelled, unacceptedResult(in: error) != nil, state.mayContinue(after: error) {
            losesValue = true
            return CancellationError()
        }
        return failure(reason, error)
    }

    /// What the caller gets.
    private func failure(_ reason: Retry.StopReason, _ error: any Error) -> any Error {
        guard reason.isOfRetryableFailure, configuration.exhaustion == .exhaustedError else { return error }
        return Retry.ExhaustedError(
            policyName: retry.name, reason: reason, attempts: state.attempt, failures: state.failures,
            wrappedError: error)
    }

    private func end(_ reason: Retry.StopReason, _ error: any Error) {
        retry.tally.countFailure(reason, attempts: state.attempt)
        if retry.events.isListening {
            retry.events.notify(.gaveUp(attempts: state.attempt, reason, error: error))
        }
    }
}
