extension Strategy {
    /// Runs an operation from a context other than ``rootContext``, and tells as what failure its value counts.
    ///
    /// For what makes one call of several runs: the form of `execute` that returns a value either way does not tell.
    @inlinable
    package nonisolated(nonsending) func outcome<Value>(
        from context: Context,
        accepting isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        var latest: Value?
        do {
            try await attempt(context, isAccepted, into: &latest, operation)
        } catch {
            guard let value = UnacceptedResultError.value(in: error, orElse: latest) else { throw error }
            return (value, error)
        }
        guard let latest else { throw OperationNotRunError(policyName: context.policyName) }
        return (latest, nil)
    }

    /// Runs an operation from ``rootContext``, and tells as what failure its value counts.
    @inlinable @inline(__always)
    package nonisolated(nonsending) func outcome<Value>(
        accepting isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        var passage = Passage()
        var obstacle: (any Error)?
        let entered = _enter(&passage, at: 0, &obstacle)
        guard entered == _depth else {
            return try await goOnToOutcome(&passage, entered, obstacle, isAccepted, operation)
        }
        let value: Value
        do {
            value = try await operation()
        } catch {
            return try await goOnToOutcome(&passage, entered, error, isAccepted, operation)
        }
        if let failure = isAccepted(value) ? _failure(of: value) : UnacceptedResultError.unjudged {
            let obstacle = UnacceptedResultError.holding(consume value, failure)
            return try await goOnToOutcome(&passage, entered, obstacle, isAccepted, operation)
        }
        _leave(&passage, at: 0)
        return (value, nil)
    }

    /// The rest of a call that met an obstacle; see ``goOn(_:_:_:_:_:)``.
    @inlinable @inline(never)
    nonisolated(nonsending) func goOnToOutcome<Value>(
        _ passage: inout Passage, _ entered: Int, _ obstacle: (any Error)?, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        var obstacle = obstacle
        let context = rootContext
        let position = leaving(&passage, entered, &obstacle, context)
        var latest: Value?
        do {
            if position == .left, let obstacle { throw obstacle }
            try await _resume(&passage, at: 0, position, obstacle, context) { context in
                try context.judge(try await operation(), isAccepted, into: &latest)
            }
        } catch {
            return (try UnacceptedResultError.outcome(of: error, latest), error)
        }
        guard let latest else { throw OperationNotRunError(policyName: context.policyName) }
        return (latest, nil)
    }
}

/// What is noted down about a call that is made of several, for the ``Execution`` that its `run` returns.
package struct CallRecording: Sendable {
    /// The context for the calls inside: what their layers report is noted here.
    package let context: Context

    private let policyName: String
    private let record: CallRecord
    private let start: TimeSource.Instant

    package init(_ policyName: String, from context: Context) {
        let record = CallRecord(within: context.extras?.record)
        var context = context
        context.extras = (context.extras ?? .none).with(record: record)
        self.record = record
        self.policyName = policyName
        self.context = context
        start = context.time.now
    }

    /// Notes that the operation is started.
    package func countAttempt() { record.countAttempt() }

    /// Everything that was noted, and how the call ended.
    ///
    /// - Parameter unaccepted: As what failure the value counts, if it does.
    package func execution<Value>(
        _ result: Result<Value, any Error>, unaccepted: (any Error)? = nil, fallbackCause: (any Error)? = nil
    ) -> Execution<Value> {
        let notes = record.current
        return Execution(
            result: result, policyName: policyName, attempts: notes.attempts,
            duration: start.duration(to: context.time.now), unaccepted: unaccepted,
            fallbackCause: fallbackCause,
            reports: notes.reports)
    }
}
