public import ResilienceCore

extension ResilienceModule {
    /// Runs an operation under the policy of a name.
    ///
    /// As ``policy(_:)`` followed by `execute`; keep the policy where the time to look up a name matters.
    ///
    /// - Throws: ``UnknownNameError`` if there is no such policy and none may be made; ``ShutdownError`` after the
    ///   module has begun to shut down; otherwise what the policy throws.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        _ policy: String,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self.policy(policy).execute(accepting: isAccepted, operation)
    }

    /// Runs an operation that asks for its `Context` under the policy of a name.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        _ policy: String,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await self.policy(policy).execute(accepting: isAccepted, operation)
    }

    /// Runs an operation under the policy of a name and, if the call fails or is rejected, a fallback with the error;
    /// not when the caller cancelled.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        _ policy: String,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await self.policy(policy).execute(accepting: isAccepted, operation, fallback: fallback)
    }

    /// Runs an operation under the policy of a name, never throws for what becomes of it, and returns a description of
    /// the call.
    ///
    /// - Throws: ``UnknownNameError`` if there is no such policy and none may be made.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        _ policy: String,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Execution<Value> {
        try await self.policy(policy).run(accepting: isAccepted, operation)
    }

    /// Runs an operation under the policy of a name and, if the call fails or is rejected, a fallback; and returns a
    /// description of the call.
    ///
    /// - Throws: ``UnknownNameError`` if there is no such policy and none may be made.
    @inlinable
    public nonisolated(nonsending) func run<Value>(
        _ policy: String,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Execution<Value> {
        try await self.policy(policy).run(accepting: isAccepted, operation, fallback: fallback)
    }

    /// Runs code of your own as a call of the module: rejected once the module shuts down, waited for and, in the end,
    /// cancelled. For patterns that are used by hand, such as a limiter without a policy.
    ///
    /// - Parameters:
    ///   - name: What the error of a refused call says.
    ///   - body: The call.
    /// - Throws: ``ShutdownError`` after the module has begun to shut down; otherwise what `body` throws.
    public nonisolated(nonsending) func admit<Value>(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var value: Value?
        guard try await gate.admit({ value = try await body() }), let value else {
            throw ShutdownError(module: self.name, policyName: name)
        }
        return value
    }
}
