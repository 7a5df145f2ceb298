public import ResilienceCore

extension PolicyFamily {
    /// Runs an operation under the policy of a key, and returns its value.
    ///
    /// - Parameters:
    ///   - key: Whose policy. Made if there is none.
    ///   - isAccepted: Whether a returned value counts as success, as for a policy. By default, every value does.
    ///   - operation: The call to protect. Runs on the caller's actor.
    /// - Throws: As the policy.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(accepting: isAccepted, operation)
    }

    /// Runs an operation that asks for its `Context` under the policy of a key.
    ///
    /// - Throws: As the policy.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(accepting: isAccepted, operation)
    }

    /// Runs an operation under the policy of a key and, if the call fails or is rejected, a fallback with the error.
    ///
    /// - Throws: What the fallback throws, or the error of a cancelled call.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(accepting: isAccepted, operation, fallback: fallback)
    }

    /// Runs an operation that asks for its `Context` under the policy of a key and, if the call fails or is rejected, a
    /// fallback with the error.
    ///
    /// - Throws: What the fallback throws, or the error of a cancelled call.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(accepting: isAccepted, operation, fallback: fallback)
    }

    /// Runs an operation under the policy of a key as `execute` does but never throws: returns a description of the
    /// call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(accepting: isAccepted, operation)
    }

    /// Runs an operation that asks for its `Context` under the policy of a key, and returns a description of the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(accepting: isAccepted, operation)
    }

    /// Runs an operation under the policy of a key and, if it fails or is rejected, a fallback; and returns a
    /// description of the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(accepting: isAccepted, operation, fallback: fallback)
    }

    /// Runs an operation that asks for its `Context` under the policy of a key and, if it fails or is rejected, a
    /// fallback; and returns a description of the call.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(accepting: isAccepted, operation, fallback: fallback)
    }
}
