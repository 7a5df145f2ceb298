package import ResilienceTesting

/// Runs a call in a task on one thread, moving the clock to each moment for which something waits once there is nothing
/// left to do before that.
///
/// - Returns: What the call came to, and for how long the clock stood each time.
/// - Throws: An error if the call does not end although nothing waits for the clock any more.
package func driven<Value: Sendable>(
    _ clock: ManualClock, _ call: @escaping @Sendable () async throws -> Value
) async throws -> (result: Result<Value, any Error>, slept: [Duration]) {
    let executor = SteppingExecutor()
    let end = Flag<Result<Value, any Error>>()
    Task(executorPreference: executor) {
        do { end.set(.success(try await call())) } catch { end.set(.failure(error)) }
    }
    let slept = clock.advance(until: { end.isSet }, running: executor)
    guard let result = end.value else { throw EndlessCall() }
    return (result, slept)
}

/// The call waits for nothing that the clock brings.
package struct EndlessCall: Error {}

extension Result {
    package var error: Failure? { if case .failure(let error) = self { error } else { nil } }
}
