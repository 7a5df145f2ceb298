/// Runs an operation of a store in a task of its own. One that takes longer than the limit, or whose caller is
/// cancelled, is cancelled and not waited for, also if it does not obey.
///
/// - Throws: What the operation throws; `SharedStateError.timedOut` at the limit; `CancellationError` once cancelled.
package nonisolated(nonsending) func runStoreOperation<Value: Sendable>(
    within limit: Duration, on time: TimeSource, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let waiter = Waiter<Value>()
    let task = Task(executorPreference: preferredExecutor) {
        let result: Result<Value, any Error>
        do { result = .success(try await operation()) } catch { result = .failure(error) }
        waiter.finish(with: result)
    }
    let timer = time.schedule(at: time.now.advanced(by: limit)) {
        waiter.finish(with: .failure(SharedStateError.timedOut(limit)))
        task.cancel()
    }
    defer { timer.cancel() }
    return try await waiter.value {
        task.cancel()
        return true
    }
}

extension ConfigurationCheck {
    /// The longest that an operation of a store may take, of whatever is shared through it.
    package mutating func require(operationLimit limit: Duration) {
        require("operationLimit", limit, in: .milliseconds(1) ... .seconds(60), "1 ms...60 s")
    }
}
