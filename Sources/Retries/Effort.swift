internal import ResilienceCore
internal import Synchronization

/// One call that has failed at least once: asks its state what to do, and does what follows from that, save waiting.
struct Effort {
    private(set) var state: RetryState
    private var context: Context
    private let retry: Retry
    private let start: Retry.Start
    private let configuration: Retry.Configuration

    init(_ start: Retry.Start, _ context: Context, _ retry: Retry) {
        configuration = start.settings?.configuration ?? retry.configuration
        state = RetryState(configuration, isIdempotent: context[Idempotence.self] ?? configuration.isIdempotent)
        self.start = start
        self.context = context
        self.retry = retry
    }

    /// Decides what follows a failure.
    ///
    /// - Returns: What to wait before the next attempt.
    /// - Throws: The error that ends the call.
    mutating func plan(after error: any Error) throws -> Pause {
        let now = retry.time.now
        let plan: RetryState.Plan
        do {
            plan = try state.plan(after: error, limits(now), retry.random)
        } catch {
            giveUp(.backoff, error)
            throw error
        }
        if state.hintWasUnreadable { retry.tally.hintsIgnored.wrappingAdd(1, ordering: .relaxed) }
        switch plan {
        case .giveUp(let reason):
            if reason.isOfRetryableFailure, !(error is any PolicyRejection) { configuration.budget?.recordFailure() }
            throw giveUp(reason, error)
        case .retry(let delay):
            guard isAffordable(after: error) else {
                retry.tally.budgetExhausted.wrappingAdd(1, ordering: .relaxed)
                throw giveUp(.budget, error)
            }
            let failed = state.note(error, delay: delay)
            context.report(Retry.FailedAttempt.Key.self, failed)
            if retry.events.isListening { retry.tell(.attemptFailed(retry: retry.name, failed)) }
            if retry.delays.isAttached { retry.delays.record(0, nanoseconds: delay.saturatedNanoseconds) }
            return Pause(delay: delay, end: now.advanced(by: delay))
        }
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
        end(.cancelled, error)
    }

    private func limits(_ now: TimeSource.Instant) -> RetryState.Limits {
        // A strategy that exists already keeps its clock, and may meet a deadline on another.
        let remaining =
            context.time == retry.time ? context.deadline.map { now.duration(to: $0) } : context.remaining
        let elapsed = configuration.maxDuration == nil ? .zero : start.instant.duration(to: now)
        return RetryState.Limits(elapsed: elapsed, remaining: remaining)
    }

    /// What a layer inside refused did not fail at the service.
    private func isAffordable(after error: any Error) -> Bool {
        guard let budget = configuration.budget else { return true }
        return error is any PolicyRejection ? budget.tryWithdraw() : budget.tryWithdrawAfterFailure()
    }

    /// Ends the call; the error for the caller.
    @discardableResult
    private mutating func giveUp(_ reason: Retry.StopReason, _ error: any Error) -> any Error {
        context.report(Retry.FailedAttempt.Key.self, state.note(error, delay: nil))
        end(reason, error)
        if reason.isOfRetryableFailure, configuration.exhaustion == .allAttempts {
            return Retry.ExhaustedError(
                policyName: retry.name, reason: reason, attempts: state.attempt, failures: state.failures,
                lastError: error)
        }
        // A value that came back although the caller had given up: nobody waits for it.
        let isPending = reason == .cancelled && error is UnacceptedResult && state.mayContinue(after: error)
        return isPending ? CancellationError() : error
    }

    private func end(_ reason: Retry.StopReason, _ error: any Error) {
        retry.tally.countFailure(reason, attempts: state.attempt)
        if retry.events.isListening {
            retry.tell(.gaveUp(retry: retry.name, attempts: state.attempt, reason, error: error))
        }
    }
}
