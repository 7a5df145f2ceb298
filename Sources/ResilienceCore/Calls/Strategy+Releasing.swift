extension Strategy {
    /// Runs an operation under this strategy and returns its value; for values that hold something, such as a
    /// connection.
    ///
    /// - Parameters:
    ///   - isAccepted: Whether a returned value counts as success. See `execute(accepting:_:)`.
    ///   - classify: What is wrong with a returned value. See `execute(failing:_:)`.
    ///   - release: Called once for each value that was not accepted and that is not the outcome of the call, because
    ///     the operation runs again: before the delay, so that what it holds is free during the delay; or because the
    ///     call ends with an error. Runs on the caller's actor.
    ///   - operation: The call to protect.
    /// - Returns: The value of the last run of the operation.
    /// - Throws: As `execute(accepting:_:)`.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        failing classify: (Value) -> (any Error)? = { _ in nil },
        releasing release: nonisolated(nonsending) @escaping (Value) async -> Void,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await outcome(from: rootContext, accepting: isAccepted, failing: classify, releasing: release) { _ in
            try await operation()
        }.value
    }

    /// The same for an operation that asks for its ``Context``.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        failing classify: (Value) -> (any Error)? = { _ in nil },
        releasing release: nonisolated(nonsending) @escaping (Value) async -> Void,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await outcome(
            from: rootContext, accepting: isAccepted, failing: classify, releasing: release, operation
        ).value
    }

    /// Runs an operation from a context other than ``rootContext``, with what to do with values that it loses, and
    /// tells as what failure its value counts.
    @inlinable
    package nonisolated(nonsending) func outcome<Value>(
        from context: Context,
        accepting isAccepted: (Value) -> Bool,
        failing classify: (Value) -> (any Error)?,
        releasing release: nonisolated(nonsending) @escaping (Value) async -> Void,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        var latest: Value?
        var last: UnacceptedResultError?
        do {
            try await execute(context) { context in
                let value = try await operation(context)
                do {
                    try context.judge(value, isAccepted, classify, into: &latest, releasing: release)
                } catch {
                    if let failure = error as? UnacceptedResultError { last = failure } else { await release(value) }
                    throw error
                }
            }
        } catch {
            guard let value = UnacceptedResultError.value(in: error, orElse: latest) else {
                // A layer has made another error of it, which the caller gets instead of the value.
                await last?.release()
                throw error
            }
            return (value, error)
        }
        guard let latest else { throw OperationNotRunError(policyName: context.policyName) }
        return (latest, nil)
    }
}
