extension Strategy {
    /// Runs an operation as `execute` does but never throws: returns a description of the call, successful or not.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        guard !_isGated else { return await runBehindGate(isAccepted, operation) }
        var passage = Passage()
        return await pass(recording: &passage, isAccepted, operation)
    }

    /// The way of a call that is told all about; see `pass(_:_:_:)`.
    @inlinable @inline(__always)
    nonisolated(nonsending) func pass<Value>(
        recording passage: inout Passage, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        let start = rootContext.time.now
        var obstacle: (any Error)?
        let entered = _enter(&passage, at: 0, &obstacle)
        guard entered == _depth else {
            return await goOnRecording(&passage, entered, obstacle, attempts: 0, start, isAccepted) { _ in
                try await operation()
            }
        }
        let value: Value
        do {
            value = try await operation()
        } catch {
            return await goOnRecording(&passage, entered, error, attempts: 1, start, isAccepted) { _ in
                try await operation()
            }
        }
        if let failure = isAccepted(value) ? _failure(of: value) : UnacceptedResultError.unjudged {
            let failure = UnacceptedResultError.holding(consume value, failure)
            return await goOnRecording(&passage, entered, failure, attempts: 1, start, isAccepted) { _ in
                try await operation()
            }
        }
        return leaveRecording(&passage, value, start)
    }

    /// Runs an operation that asks for its ``Context``, and returns a description of the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted, operation)
    }

    /// Runs an operation and, if it fails or is rejected, a fallback; and returns a description of the call.
    ///
    /// The fallback runs under the same rules as that of `execute`.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted, { _ in try await operation() }, fallback)
    }

    /// Runs an operation that asks for its ``Context`` and, if it fails or is rejected, a fallback; and returns a
    /// description of the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(isAccepted, operation, fallback)
    }

    @inlinable
    nonisolated(nonsending) func recorded<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        let (context, record, start) = beginRecording()
        var failure: (any Error)?
        var value: Value?
        do {
            try await attempt(context, isAccepted, into: &value) { context in
                record.countAttempt()
                return try await operation(context)
            }
        } catch {
            failure = error
        }
        return finished(context, record, start, failure, value)
    }

    @inlinable
    func finished<Value>(
        _ context: Context, _ record: CallRecord, _ start: TimeSource.Instant, _ failure: (any Error)?, _ value: Value?
    ) -> Execution<Value> {
        let outcome = if let failure { UnacceptedResultError.value(in: failure, orElse: value) } else { value }
        let result: Result<Value, any Error> =
            if let outcome {
                .success(outcome)
            } else {
                .failure(failure ?? OperationNotRunError(policyName: context.policyName))
            }
        return execution(
            context, record, start, result, unaccepted: outcome == nil ? nil : failure, cause: nil)
    }

    @inlinable
    nonisolated(nonsending) func recorded<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        _ fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        let (context, record, start) = beginRecording()
        var cause: (any Error)?
        var result: Result<Value, any Error>
        do {
            let counted = { (context: Context) async throws -> Value in
                record.countAttempt()
                return try await operation(context)
            }
            let noted = { (error: any Error) async throws -> Value in
                cause = error
                return try await fallback(error)
            }
            result = .success(try await call(context, isAccepted, counted, noted))
        } catch {
            result = .failure(error)
        }
        return execution(context, record, start, result, unaccepted: nil, cause: cause)
    }

    /// The end of a call that succeeded at once.
    @inlinable @inline(never)
    func leaveRecording<Value>(
        _ passage: inout Passage, _ value: Value, _ start: TimeSource.Instant
    ) -> Execution<Value> {
        var reports = CallReports()
        _describe(&passage, at: 0, entered: _depth, isRefused: false, &reports)
        _leave(&passage, at: 0)
        let context = rootContext
        return Execution(
            result: .success(value), policyName: context.policyName, attempts: 1,
            duration: start.duration(to: context.time.now), unaccepted: nil, fallbackCause: nil,
            reports: reports.reports)
    }

    /// The rest of a call that met an obstacle; see ``goOn(_:_:_:_:_:)``.
    @inlinable @inline(never)
    nonisolated(nonsending) func goOnRecording<Value>(
        _ passage: inout Passage, _ entered: Int, _ obstacle: (any Error)?, attempts: Int, _ start: TimeSource.Instant,
        _ isAccepted: (Value) -> Bool, _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        var reports = CallReports()
        _describe(
            &passage, at: 0, entered: entered, isRefused: attempts == 0 && obstacle != nil, &reports)
        let record = CallRecord(attempts: attempts, reports)
        let context = rootContext.recorded(by: record)
        var obstacle = obstacle
        let position = leaving(&passage, entered, &obstacle, context)
        var value: Value?
        var failure = obstacle
        if position != .left || obstacle == nil {
            do {
                try await _resume(&passage, at: 0, position, obstacle, context) { context in
                    record.countAttempt()
                    try context.judge(try await operation(context), isAccepted, into: &value)
                }
                failure = nil
            } catch {
                failure = error
            }
        }
        return finished(context, record, start, failure, value)
    }

    @usableFromInline
    func beginRecording() -> (Context, CallRecord, TimeSource.Instant) {
        let record = CallRecord()
        let context = rootContext.recorded(by: record)
        return (context, record, context.time.now)
    }

    @usableFromInline
    func execution<Value>(
        _ context: Context, _ record: CallRecord, _ start: TimeSource.Instant, _ result: Result<Value, any Error>,
        unaccepted: (any Error)?, cause: (any Error)?
    ) -> Execution<Value> {
        let notes = record.current
        return Execution(
            result: result, policyName: context.policyName, attempts: notes.attempts,
            duration: start.duration(to: context.time.now), unaccepted: unaccepted, fallbackCause: cause,
            reports: notes.reports)
    }
}
