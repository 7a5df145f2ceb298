public import ResilienceCore

extension PolicyFamily {
    /// Runs an operation under the policy of a key, and returns its value although it may count as a failure.
    ///
    /// - Parameters:
    ///   - key: Whose policy. Made if there is none.
    ///   - classify: What is wrong with a value, or `nil`: the failure that every layer sees.
    ///   - operation: The call to protect. Runs on the caller's actor.
    /// - Throws: As the policy.
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(failing: classify, operation)
    }

    /// Runs an operation that asks for its `Context` under the policy of a key, and returns its value although it may
    /// count as a failure.
    ///
    /// - Throws: As the policy.
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(failing: classify, operation)
    }

    /// Runs an operation whose value may count as a failure under the policy of a key, never throws, and returns a
    /// description of the call.
    public nonisolated(nonsending) func run<Value>(
        for key: Key, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(failing: classify, operation)
    }

    /// The same for an operation that asks for its `Context`.
    public nonisolated(nonsending) func run<Value>(
        for key: Key, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(failing: classify, operation)
    }
}
