public import ResilienceCore

extension ResilienceModule {
    /// Runs an operation under the policy of a name, and returns its value although it may count as a failure.
    ///
    /// - Parameters:
    ///   - policy: The name.
    ///   - classify: What is wrong with a value, or `nil`: the failure that every layer sees.
    ///   - operation: The call to protect.
    /// - Throws: ``UnknownNameError`` if there is no such policy and none may be made; ``ShutdownError`` after the
    ///   module has begun to shut down; otherwise what the policy throws.
    public nonisolated(nonsending) func execute<Value>(
        _ policy: String, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self.policy(policy).execute(failing: classify, operation)
    }

    /// The same for an operation that asks for its `Context`.
    public nonisolated(nonsending) func execute<Value>(
        _ policy: String, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await self.policy(policy).execute(failing: classify, operation)
    }

    /// Runs an operation whose value may count as a failure under the policy of a name, never throws for what becomes
    /// of it, and returns a description of the call.
    ///
    /// - Throws: ``UnknownNameError`` if there is no such policy and none may be made.
    public nonisolated(nonsending) func run<Value>(
        _ policy: String, failing classify: (Value) -> (any Error)?,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Execution<Value> {
        try await self.policy(policy).run(failing: classify, operation)
    }
}
