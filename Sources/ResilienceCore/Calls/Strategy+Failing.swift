extension Strategy {
    /// Runs an operation under this strategy, and returns its value although it may count as a failure: a response
    /// whose status says so.
    ///
    /// ```swift
    /// let response = try await api.execute(failing: { $0.status < 500 ? nil : ServerFailure($0) }) {
    ///     try await client.get(url)
    /// }
    /// ```
    ///
    /// Every layer sees the failure as if it had been thrown: its type, what it says about trying again
    /// (``ServerHintProviding``), whether the service has too much to do (``OverloadError``), its label
    /// (``LabeledError``). If it is still the outcome in the end, the value is returned. For the caller to get the
    /// failure, throw it in the operation.
    ///
    /// - Parameters:
    ///   - classify: What is wrong with a value, or `nil`. Asked before what ``Policy/failing(_:throwing:_:)`` and
    ///     ``Policy/accepting(_:where:)`` declared.
    ///   - operation: The call to protect.
    /// - Returns: The value of the last run of the operation.
    /// - Throws: As `execute(accepting:_:)`.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func execute<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await execute {
            let value = try await operation()
            try classified(value, by: classify)
            return value
        }
    }

    /// The same for an operation that asks for its ``Context``.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func execute<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await execute { context in
            let value = try await operation(context)
            try classified(value, by: classify)
            return value
        }
    }

    /// Runs an operation whose value may count as a failure and, if the call fails or is rejected, a fallback with the
    /// error: for such a value ``UnacceptedResultError``, with the failure in it.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await execute(
            {
                let value = try await operation()
                try classified(value, by: classify)
                return value
            }, fallback: fallback)
    }

    /// The same for an operation that asks for its ``Context``.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await execute(
            { context in
                let value = try await operation(context)
                try classified(value, by: classify)
                return value
            }, fallback: fallback)
    }

    /// Runs an operation whose value may count as a failure, never throws, and returns a description of the call:
    /// ``Execution/failure`` has what was made of the value.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func run<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await run {
            let value = try await operation()
            try classified(value, by: classify)
            return value
        }
    }

    /// The same for an operation that asks for its ``Context``.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await run { context in
            let value = try await operation(context)
            try classified(value, by: classify)
            return value
        }
    }

    /// Runs an operation whose value may count as a failure and, if it fails or is rejected, a fallback; and returns a
    /// description of the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await run(
            {
                let value = try await operation()
                try classified(value, by: classify)
                return value
            }, fallback: fallback)
    }

    /// The same for an operation that asks for its ``Context``.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await run(
            { context in
                let value = try await operation(context)
                try classified(value, by: classify)
                return value
            }, fallback: fallback)
    }
}

/// Lets a value pass in which a classifier finds nothing wrong.
///
/// - Throws: ``UnacceptedResultError`` with the value and its failure, which the edge of the call takes apart again.
@inlinable
package func classified<Value>(_ value: Value, by classify: (Value) -> (any Error)?) throws {
    if let failure = classify(value) { throw UnacceptedResultError.holding(value, failure) }
}
