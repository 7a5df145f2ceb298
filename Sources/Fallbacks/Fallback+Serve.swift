public import ResilienceCore
public import Synchronization

extension KeyedFallback {
    /// Counts a call that the operation answered, and keeps its value if a step asks for last good ones.
    @inlinable
    func noteSuccess(_ value: Value, for key: Key) {
        counters.succeeded.wrappingAdd(1, ordering: .relaxed)
        if keeper.isActive { keeper.remember(value, for: key) }
    }

    /// Tries the steps for a call that failed.
    ///
    /// - Parameters:
    ///   - unaccepted: The value of the call, if that is what failed: returned if no step answers.
    ///   - note: Gets the error once it is sure that there is a fallback for it.
    @usableFromInline
    nonisolated(nonsending) func serve(
        _ cause: any Error, _ unaccepted: Value?, _ key: Key, _ context: Context,
        noting note: (any Error) -> Void = { _ in }
    ) async throws -> (value: Value, isAccepted: Bool) {
        // Cancelled by a deadline around the call, it has failed; nobody but the caller can have cancelled it otherwise.
        if (Task.isCancelled || cause is CancellationError) && !context.isPastDeadline {
            counters.cancelled.wrappingAdd(1, ordering: .relaxed)
            return try Self.end(unaccepted, cause)
        }
        let chain = currentChain
        guard chain.configuration.handles(cause) else {
            counters.unhandled.wrappingAdd(1, ordering: .relaxed)
            return try Self.end(unaccepted, cause)
        }
        note(cause)
        let start = time.now
        var ends: [FallbackStepEnd] = []
        for step in chain.configuration.steps.elements {
            guard let record = chain.records[step.name] else { continue }  // Never: the chain has one for each.
            switch await attempt(step, record, cause, key, context) {
            case .answered(let value, let age):
                counters.served.wrappingAdd(1, ordering: .relaxed)
                let served = FallbackServed(fallback: name, step: step.name, age: age)
                context.report(FallbackServed.Report.self, served)
                tell(.served(served, after: start.duration(to: time.now), cause: cause))
                return (value, true)
            case .ended(let reason):
                ends.append(FallbackStepEnd(step: step.name, reason: reason))
            case .cancelled:
                counters.cancelled.wrappingAdd(1, ordering: .relaxed)
                return try Self.end(unaccepted, CancellationError())
            }
        }
        counters.exhausted.wrappingAdd(1, ordering: .relaxed)
        tell(.exhausted(fallback: name, after: start.duration(to: time.now), cause: cause))
        guard chain.configuration.errors == .attached else { return try Self.end(unaccepted, cause) }
        return try Self.end(unaccepted, FallbackExhaustedError(policyName: name, original: cause, steps: ends))
    }

    /// Ends a call that no step answered.
    private static func end(
        _ unaccepted: Value?, _ error: @autoclosure () -> any Error
    ) throws -> (value: Value, isAccepted: Bool) {
        guard let unaccepted else { throw error() }
        return (unaccepted, false)
    }

    private enum StepResult {
        case answered(Value, age: Duration?)
        case ended(FallbackReason)
        case cancelled
    }

    private func attempt(
        _ step: Step, _ record: StepRecord, _ cause: any Error, _ key: Key, _ context: Context
    ) async -> StepResult {
        if let condition = step.condition, !condition(cause) { return skip(step, record, .notForThisError) }
        switch step.source {
        case .value(let value):
            record.count(\.succeeded)
            return .answered(value, age: nil)
        case .lastGood(let maxAge, _):
            guard let kept = keeper.recall(key) else { return skip(step, record, .nothingKept) }
            guard kept.age <= maxAge else {
                return skip(step, record, .tooOld(age: kept.age, maxAge: maxAge))
            }
            record.count(\.succeeded)
            return .answered(kept.value, age: kept.age)
        case .action(let action):
            guard !context.isPastDeadline else { return skip(step, record, .noTime) }
            guard record.enter(step.limit) else {
                record.count(\.rejected)
                return fail(step, .full(limit: step.limit ?? 0), after: .zero)
            }
            let start = time.now
            let result = await run(action, step.timeout, record.lane, cause, key, context)
            record.leave()
            return judge(result, step, record, start.duration(to: time.now), context)
        }
    }

    private func judge(
        _ result: ActionEnd, _ step: Step, _ record: StepRecord, _ duration: Duration, _ context: Context
    ) -> StepResult {
        guard let error = result.error else {
            guard let value = result.value else { return .ended(.nothingKept) }  // Never: no error means a value.
            record.count(\.succeeded, duration)
            return .answered(value, age: nil)
        }
        // The caller's own cancellation is never reported as a failure of the step.
        if Task.isCancelled && !context.isPastDeadline {
            record.count(\.cancelled, duration)
            return .cancelled
        }
        if result.isExpired, let limit = step.timeout {
            record.count(\.timedOut, duration)
            return fail(step, .timedOut(limit: limit, underlying: error), after: duration)
        }
        record.count(\.failed, duration)
        return fail(step, .failed(error), after: duration)
    }

    private func skip(_ step: Step, _ record: StepRecord, _ reason: FallbackReason) -> StepResult {
        record.count(\.skipped)
        tell(.stepSkipped(fallback: name, FallbackStepEnd(step: step.name, reason: reason)))
        return .ended(reason)
    }

    private func fail(_ step: Step, _ reason: FallbackReason, after duration: Duration) -> StepResult {
        tell(.stepFailed(fallback: name, FallbackStepEnd(step: step.name, reason: reason), after: duration))
        return .ended(reason)
    }

    private struct ActionEnd {
        var value: Value?
        var error: (any Error)?
        var isExpired = false
    }

    /// Runs an action on the caller's actor; in a child task if it has a time limit, for only a task can be cancelled.
    private func run(
        _ action: @Sendable (any Error, Key) async throws -> Value, _ timeout: Duration?, _ lane: DeadlineLane,
        _ cause: any Error, _ key: Key, _ context: Context
    ) async -> ActionEnd {
        guard let timeout else {
            do {
                return ActionEnd(value: try await action(cause, key))
            } catch {
                return ActionEnd(error: error)
            }
        }
        var value: Value?
        let deadline = time.now.advanced(by: timeout)
        let end = await runInChild(#isolation, lane, context, deadline) { _ in
            value = try await action(cause, key)
        }
        return ActionEnd(value: value, error: end.error, isExpired: end.isExpired)
    }
}
