public import ResilienceCore
internal import Synchronization

extension KeyedRateLimiter {
    /// Takes permits of a key, or waits for them.
    ///
    /// Calls that wait for one key are served first come, first served. One that gives up leaves no trace: those behind
    /// move up.
    ///
    /// - Parameters:
    ///   - key: Whose permits.
    ///   - permits: How many. None or fewer count as none and are always there.
    ///   - maxWait: The longest wait, zero or more. Default: `nil`, that of the configuration.
    /// - Throws: ``RateLimiter/RejectedError`` at once if they would come later than that, or not before the deadline
    ///   of the call that the task is within; ``RateLimiter/ExceedsLimitError`` at once if they never would;
    ///   ``RateLimiter/TooManyKeysError`` if there is no place for the key; `CancellationError` if the task is
    ///   cancelled during the wait. Nothing is taken then.
    public nonisolated(nonsending) func acquire(
        for key: Key, permits: Int = 1, maxWait: Duration? = nil
    ) async throws {
        let permits = max(0, permits)
        let longest = maxWait.map { max(0, $0.saturatedNanoseconds) }
        let now = shared.time.now
        let reply = ask(
            key, permits, now: now, maxWait: longest, deadline: shared.deadline(of: shared.rootContext, now))
        if let queued = try shared.queued(reply, permits) { try await wait(for: queued, key) }
    }

    /// Runs an operation when there is a permit of the key for it, and returns its value.
    ///
    /// The operation runs on the caller's actor. Waits for up to the configuration's longest wait. Everything else that
    /// a strategy can do (`run`, a fallback, rules for values) is there on `limiter[key]`.
    ///
    /// - Throws: ``RateLimiter/RejectedError``, ``RateLimiter/ExceedsLimitError`` or ``RateLimiter/TooManyKeysError``;
    ///   `CancellationError` if the caller cancels during the wait; otherwise what the operation threw.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(operation)
    }
}
