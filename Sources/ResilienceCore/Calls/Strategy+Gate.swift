/// A call through a policy of a module: once the gate has let it in, the rest is the way through its layers.
extension Strategy {
    /// Runs an operation under a policy behind a gate.
    @inlinable @inline(never)
    nonisolated(nonsending) func executeBehindGate<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var value: Value?
        let isAdmitted =
            try await entrance?.admitIfOpen { value = try await passAdmitted(isAccepted, operation) } ?? false
        if isAdmitted, let value { return value }
        // Refused inside, where a refused call is counted.
        return try await call(rootContext, isAccepted) { _ in try await operation() }
    }

    /// Runs an operation that asks for its context under a policy behind a gate.
    @inlinable @inline(never)
    nonisolated(nonsending) func executeBehindGate<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        var value: Value?
        let isAdmitted =
            try await entrance?.admitIfOpen { value = try await passAdmitted(isAccepted, operation) } ?? false
        if isAdmitted, let value { return value }
        return try await call(rootContext, isAccepted, operation)
    }

    /// Runs an operation under a policy behind a gate, and returns a description of the call.
    @inlinable @inline(never)
    nonisolated(nonsending) func runBehindGate<Value>(
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        var execution: Execution<Value>?
        // What the operation throws is in the execution.
        let isAdmitted = try? await entrance?.admitIfOpen { execution = await runAdmitted(isAccepted, operation) }
        if isAdmitted == true, let execution { return execution }
        return await recorded(isAccepted) { _ in try await operation() }
    }

    @inlinable @inline(__always)
    nonisolated(nonsending) func passAdmitted<Value>(
        _ isAccepted: (Value) -> Bool, _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var passage = Passage(isAdmitted: true)
        return try await pass(&passage, isAccepted, operation)
    }

    @inlinable @inline(__always)
    nonisolated(nonsending) func passAdmitted<Value>(
        _ isAccepted: (Value) -> Bool, _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        var passage = Passage(isAdmitted: true)
        return try await pass(&passage, isAccepted, operation)
    }

    @inlinable @inline(__always)
    nonisolated(nonsending) func runAdmitted<Value>(
        _ isAccepted: (Value) -> Bool, _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        var passage = Passage(isAdmitted: true)
        return await pass(recording: &passage, isAccepted, operation)
    }
}
