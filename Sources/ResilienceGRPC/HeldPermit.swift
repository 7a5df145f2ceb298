#if GRPC
    internal import Resilience
    internal import Synchronization

    /// A slot that a call holds until its response has been produced.
    ///
    /// A response that is not written, because an interceptor further out answers with another, is dropped, and gives
    /// its slot back with that.
    final class HeldPermit: Sendable {
        private let permit: Mutex<Bulkhead.Permit?>

        init(_ permit: consuming Bulkhead.Permit) {
            self.permit = Mutex(permit)
        }

        func release() {
            if let permit = take() { permit.release() }
        }

        func release(after error: any Error) {
            if let permit = take() { permit.release(after: error) }
        }

        /// Runs a part of the call, after whose failure the slot is given back.
        nonisolated(nonsending) func keeping<Value>(
            _ part: nonisolated(nonsending) () async throws -> Value
        ) async throws -> Value {
            do {
                return try await part()
            } catch {
                release(after: error)
                throw error
            }
        }

        /// Never inlined into what is asynchronous; see `Lock`, which cannot hold what is not copyable.
        @inline(never)
        private func take() -> Bulkhead.Permit? {
            permit.withLock { $0.take() }
        }
    }
#endif
