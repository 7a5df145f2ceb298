/// Runs an operation in a task that has been cancelled, as that of a caller that has given up.
///
/// ```swift
/// await #expect(throws: CancellationError.self) {
///     try await inCancelledTask { try await payments.execute { try await gateway.charge(order) } }
/// }
/// ```
///
/// - Throws: What the operation throws.
public func inCancelledTask<Value: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await operation()
    }.value
}
