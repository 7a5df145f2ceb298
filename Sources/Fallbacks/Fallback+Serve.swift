public import ResilienceCore
public import Synchronization

extension KeyedFallback {
    /// Counts a call that the operation answered, and keeps its value if a step asks for last good ones.
    @inlinable
    func noteSuccess(_ value: Value, for key: Key, readAt start: ReadStart?) {
        counters.succeeded.wrappingAdd(1, ordering: .relaxed)
        if let start { keeper.remember(value, for: key, readAt: start) }
    }

    /// Tries the steps for a call that failed. Specialised by the client's module, but out of line: it begins with the
    /// failure.
    ///
    /// - Parameters:
    ///   - unaccepted: The value of the call, if that is what failed: returned if no step answers.
    ///   - note: Gets the error once it is sure that there is a fallback for it.
    @inlinable
    @inline(never)
    nonisolated(nonsending) func serve(
        _ cause: any Error, _ unaccepted: Value?, _ key: Key, _ context: Context,
        noting note: (any Error) -> Void = { _ in }
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        // Whatever the error is: even for a rejection there is no caller left to answer.
        if context.isCancelledByCaller {
            counters.cancelled.wrappingAdd(1, ordering: .relaxed)
            return try Self.end(unaccepted, cause)
        }
        let chain = currentChain
        guard chain.configuration.handles.handles(cause) else {
            counters.unhandled.wrappingAdd(1, ordering: .relaxed)
            return try Self.end(unaccepted, cause)
        }
        note(cause)
        let start = time.now
        var ends: [FallbackStepEnd] = []
        for stage in chain.stages {
            let result =
                if let result = answer(stage, cause, key) {
                    result
                } else {
                    await act(stage, cause, key, context, since: ends.isEmpty ? start : nil)
                }
            switch result {
            case .answered(let value, let age):
                counters.served.wrappingAdd(1, ordering: .relaxed)
                stage.record.notifyServed(age, context, since: start, cause)
                return (value, nil)
            case .ended(let end):
                ends.append(end)
            case .cancelled:
                counters.cancelled.wrappingAdd(1, ordering: .relaxed)
                return try Self.end(unaccepted, CancellationError())
            }
        }
        return try Self.end(unaccepted, exhaust(chain.configuration.exhaustion, start, cause, ends))
    }

    /// Ends a call that no step answered.
    @inlinable
    static func end(_ unaccepted: Value?, _ error: any Error) throws -> (value: Value, unaccepted: (any Error)?) {
        guard let unaccepted else { throw error }
        return (unaccepted, error)
    }

    /// Counts and tells of a call that no step answered; returns the error that the configuration asks for.
    @usableFromInline
    func exhaust(
        _ exhaustion: Exhaustion, _ start: TimeSource.Instant, _ cause: any Error, _ ends: [FallbackStepEnd]
    ) -> any Error {
        counters.exhausted.wrappingAdd(1, ordering: .relaxed)
        events.notify(.exhausted(after: start.duration(to: time.now), error: cause))
        guard exhaustion == .exhaustedError else { return cause }
        return FallbackExhaustedError(policyName: name, wrappedError: cause, steps: ends)
    }

    @usableFromInline
    enum StepResult {
        case answered(Value, age: Duration?)
        case ended(FallbackStepEnd)
        case cancelled
    }

    /// What a step without an action comes to, or one that is not for this error; `nil` if its action is to be run.
    @inlinable
    func answer(_ stage: Stage, _ cause: any Error, _ key: Key) -> StepResult? {
        let record = stage.record
        if !stage.step.handles.handles(cause) {
            return .ended(record.skip(.notForThisError))
        }
        switch stage.step.source {
        case .value(let value):
            record.count(.succeeded)
            return .answered(value, age: nil)
        case .lastGood(let maxAge, _):
            guard let kept = keeper.recall(key) else { return .ended(record.skip(.nothingKept)) }
            guard kept.countedAge <= maxAge else {
                return .ended(record.skip(.tooOld(age: kept.countedAge, maxAge: maxAge)))
            }
            record.count(.succeeded)
            return .answered(kept.value, age: kept.age)
        case .action:
            return nil
        }
    }

    /// Runs the action of a step, on the caller's actor.
    ///
    /// - Parameter failure: When the call failed, if this is the first step: one that has no condition begins then.
    @inlinable
    nonisolated(nonsending) func act(
        _ stage: Stage, _ cause: any Error, _ key: Key, _ context: Context, since failure: TimeSource.Instant?
    ) async -> StepResult {
        let record = stage.record
        guard case .action(let action) = stage.step.source, !context.isPastDeadline else {
            return .ended(record.skip(.noTime))
        }
        guard record.enter(stage.step.limit) else {
            record.count(.rejected)
            return .ended(record.fail(.full(limit: stage.step.limit ?? 0), after: .zero))
        }
        // The reading that there is saves another; but a condition is the user's, and may have taken its time.
        let start = if let failure, stage.step.handles.isAll { failure } else { time.now }
        let result: ActionEnd
        if let timeout = stage.step.timeout {
            result = await runInTime(action, timeout, record, cause, key, context)
        } else {
            do {
                switch action {
                case .plain(let action): result = .returned(try await action(cause))
                case .keyed(let action): result = .returned(try await action(cause, key))
                }
            } catch {
                result = .threw(error)
            }
        }
        record.leave()
        return judge(result, stage.step.timeout, record, start.duration(to: time.now), context)
    }

    @inlinable
    func judge(
        _ result: ActionEnd, _ timeout: Duration?, _ record: StepRecord, _ duration: Duration, _ context: Context
    ) -> StepResult {
        let error: any Error
        switch result {
        case .returned(let value):
            record.count(.succeeded, duration)
            return .answered(value, age: nil)
        case .threw(let thrown), .expired(let thrown):
            error = thrown
        }
        // The caller's own cancellation is never reported as a failure of the step.
        if context.isCancelledByCaller {
            record.count(.cancelled, duration)
            return .cancelled
        }
        if case .expired = result, let timeout {
            record.count(.timedOut, duration)
            return .ended(record.fail(.timedOut(limit: timeout, underlying: error), after: duration))
        }
        record.count(.failed, duration)
        return .ended(record.fail(.failed(error), after: duration))
    }

    @usableFromInline
    enum ActionEnd {
        case returned(Value)
        case threw(any Error)
        /// Its time limit had passed.
        case expired(any Error)
    }

    /// Runs an action in a child task, because only a task can be cancelled.
    @usableFromInline
    nonisolated(nonsending) func runInTime(
        _ action: Step.Action, _ timeout: Duration, _ record: StepRecord, _ cause: any Error, _ key: Key,
        _ context: Context
    ) async -> ActionEnd {
        var value: Value?
        let deadline = time.now.advanced(by: timeout)
        let end = await runInChild(#isolation, record.lane, context, deadline) { _ in
            value = try await action(cause, key)
        }
        if let value, end.error == nil { return .returned(value) }
        let error = end.error ?? CancellationError()  // Never the latter: no error means a value.
        return end.isExpired ? .expired(error) : .threw(error)
    }
}
