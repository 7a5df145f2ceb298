#if Redis
    internal import NIOCore
    internal import ResilienceCore
    internal import Synchronization

    /// Commands that go out together, and the reply to the last of them, for which a task waits.
    final class PendingReply: Sendable {
        let commands: [[String]]
        private let waiter = Waiter<RedisReply>()
        private let isOver = Atomic(false)
        private let wasSent = Atomic(false)

        init(_ commands: [[String]]) {
            self.commands = commands
        }

        /// Whether no task waits any longer. What was not sent then need not be.
        var isAbandoned: Bool { isOver.load(ordering: .relaxed) }

        /// Whether a server may have done it.
        var isSent: Bool { wasSent.load(ordering: .acquiring) }

        func noteSent() { wasSent.store(true, ordering: .releasing) }

        /// Ends the wait, unless it has ended.
        func finish(_ result: Result<RedisReply, any Error>) {
            isOver.store(true, ordering: .relaxed)
            waiter.finish(with: result)
        }

        func fail(_ error: any Error) { finish(.failure(error)) }

        /// Waits for the reply, but no longer than a limit.
        ///
        /// - Throws: `SharedStateError`, or `CancellationError` as soon as the task is cancelled.
        func reply(within limit: Duration, on loop: any EventLoop) async throws -> RedisReply {
            let timer = loop.scheduleTask(in: limit.timeAmount) { self.fail(SharedStateError.timedOut(limit)) }
            defer { timer.cancel() }
            return try await waiter.value(withdraw: {
                isOver.store(true, ordering: .relaxed)
                return true
            })
        }
    }

    extension Duration {
        var timeAmount: TimeAmount { .nanoseconds(saturatedNanoseconds) }
    }
#endif
