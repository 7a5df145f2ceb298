#if GRPC
    internal import GRPCCore
    internal import Resilience
    internal import ResilienceCore
    internal import Synchronization

    /// One call of a server, whose parts run in tasks that are cancelled when the call is.
    ///
    /// gRPC tells a method that its call is over, because the time is up or the client has gone, but leaves its task
    /// running: what waits there, for a slot or for a service, would wait on.
    struct ServerCall: Sendable {
        private let context: ServerContext
        private let deadline: TimeSource.Instant?
        private let time: TimeSource

        init(_ context: ServerContext, until deadline: TimeSource.Instant?, on time: TimeSource) {
            self.context = context
            self.deadline = deadline
            self.time = time
        }

        /// Runs a part of the call within its deadline.
        ///
        /// - Throws: A status if the call was refused or cut off; otherwise what the part throws.
        nonisolated(nonsending) func run<Value: Sendable>(
            _ part: @escaping @Sendable () async throws -> Value
        ) async throws -> Value {
            let limit = deadline.map { CallLimit($0, on: time) }
            defer { limit?.end() }
            let begin = { () -> Task<Value, any Error> in
                Task(name: "RPC \(context.descriptor.method)", executorPreference: preferredExecutor) {
                    try await converted(part)
                }
            }
            let task = limit.map { $0.around(begin) } ?? begin()
            let cancellation = DeferredCancellation()
            return try await withTaskCancellationHandler {
                try await withRPCCancellationHandler {
                    if cancellation.allow() { task.cancel() }
                    return try await task.value
                } onCancelRPC: {
                    if cancellation.request() { task.cancel() }
                }
            } onCancel: {
                task.cancel()
            }
        }

        private nonisolated(nonsending) func converted<Value>(
            _ part: nonisolated(nonsending) () async throws -> Value
        ) async throws -> Value {
            do {
                if let deadline, time.now >= deadline { throw Self.tooLate }
                return try await part()
            } catch {
                if let status = RPCError(converting: error) { throw status }
                switch CallEnd(error) {
                case .expired: throw Self.tooLate
                case .cancelled: throw RPCError(code: .cancelled, message: "The call was cancelled.", cause: error)
                case .failed, .rejected: throw error
                }
            }
        }

        private static var tooLate: RPCError {
            RPCError(code: .deadlineExceeded, message: "The time that the client gave is over.")
        }
    }

    /// Puts a cancellation off until no lock of gRPC's is held: a handler that is added to a call which is cancelled
    /// already runs under one, and cancelling a task runs the user's handlers.
    private final class DeferredCancellation: Sendable {
        private static let waiting = 0
        private static let requested = 1
        private static let allowed = 2

        private let state = Atomic(waiting)

        /// The call is cancelled. Returns whether to cancel the task now.
        func request() -> Bool {
            !state.compareExchange(
                expected: Self.waiting, desired: Self.requested, ordering: .acquiringAndReleasing
            ).exchanged
        }

        /// No lock is held any more. Returns whether the call was cancelled before.
        func allow() -> Bool {
            state.exchange(Self.allowed, ordering: .acquiringAndReleasing) == Self.requested
        }
    }
#endif
