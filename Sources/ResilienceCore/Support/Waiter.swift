/// A result that one task waits for. The first result counts, also one that comes before the task waits.
///
/// The result is handed over under the lock, where the thread sanitizer can see it; the continuation only wakes.
package final class Waiter<Value: Sendable>: Sendable {
    private enum State {
        case pending
        case suspended(CheckedContinuation<Void, Never>)
        case finished(Result<Value, any Error>)
    }

    private let state = Lock(State.pending)

    package init() {}

    /// Ends the wait, unless it has ended.
    package func finish(with result: Result<Value, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            switch state {
            case .finished: return nil
            case .pending:
                state = .finished(result)
                return nil
            case .suspended(let continuation):
                state = .finished(result)
                return continuation
            }
        }
        continuation?.resume()
    }

    /// Waits for the result, or throws `CancellationError` as soon as the task is cancelled.
    ///
    /// - Parameter withdraw: Called on cancellation; takes this out of where results come from, and returns whether it
    ///   was still there. If not, a result is on its way and counts. Who does not want it then, because the task is
    ///   cancelled, gives it back after this, each in its own way.
    package func value(withdraw: @Sendable () -> Bool) async throws -> Value {
        try await withTaskCancellationHandler {
            try await value()
        } onCancel: {
            if withdraw() { finish(with: .failure(CancellationError())) }
        }
    }

    /// Waits for the result, also in a cancelled task.
    package func value() async throws -> Value {
        await withCheckedContinuation { continuation in
            let isFinished = state.withLock { state in
                if case .finished = state { return true }
                state = .suspended(continuation)
                return false
            }
            if isFinished { continuation.resume() }
        }
        let result = state.withLock { state -> Result<Value, any Error>? in
            if case .finished(let result) = state { result } else { nil }
        }
        guard let result else { throw CancellationError() }  // Never: only `finish` resumes the continuation.
        return try result.get()
    }
}

extension Waiter<Void> {
    package func finish() { finish(with: .success(())) }
}

extension [Waiter<Void>] {
    package func finish() {
        for waiter in self { waiter.finish() }
    }
}
