import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing
import Timeouts

/// A caller who has given up is seen by the operation at once, also before it suspends for the first time.
@Suite("Timeout: early cancellation", .timeLimit(.minutes(30)))
struct EarlyCancellationTests {
    let clock = ManualClock()

    @Test("an operation that polls sees that its caller was cancelled beforehand")
    func beforehand() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask {
                try await timeout.execute {
                    #expect(Task.isCancelled)
                    try Task.checkCancellation()
                }
            }
        }
        #expect(timeout.totals.cancelled == 1)
    }

    @Test("an operation that polls sees that its caller is cancelled while it computes")
    func meanwhile() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        let begin = Waiter<Void>()
        let caller = Lock<Task<Void, any Error>?>(nil)
        let call = Task {
            try await begin.value()
            try await timeout.execute {
                // As from another thread, in the midst of the computation; and without one, for there may be none free.
                caller.withLock { $0 }?.cancel()
                #expect(Task.isCancelled)
                throw InjectedFailure("given up")
            }
        }
        caller.withLock { $0 = call }
        begin.finish()
        await #expect(throws: InjectedFailure("given up")) { try await call.value }
        #expect(timeout.totals.cancelled == 1)
        #expect(timeout.running == 0)
    }

    @Test("nested timeouts pass the cancellation on, and so do those on an actor and on an executor of the caller's")
    func nested() async throws {
        let outer = try Timeout(.seconds(3), clock: clock)
        let inner = try Timeout(.seconds(2), clock: clock)
        @Sendable func call() async throws {
            try await outer.execute {
                try await inner.execute {
                    #expect(Task.isCancelled)
                    try Task.checkCancellation()
                }
            }
        }
        await #expect(throws: CancellationError.self) { try await inCancelledTask { try await call() } }
        await #expect(throws: CancellationError.self) { try await inCancelledTask { @MainActor in try await call() } }
        await #expect(throws: CancellationError.self) {
            try await inCancelledTask {
                try await withTaskExecutorPreference(QueueTaskExecutor()) { try await call() }
            }
        }
    }

    @Test("the operation begins on the spot, before its caller's executor does anything else")
    @MainActor
    func onTheSpot() async throws {
        let timeout = try Timeout(.seconds(2), clock: clock)
        let order = Lock<[String]>([])
        let other = Task { @MainActor in order.withLock { $0.append("other") } }
        try await timeout.execute {
            MainActor.assertIsolated()
            order.withLock { $0.append("operation") }
        }
        order.withLock { $0.append("caller") }
        await other.value
        #expect(order.withLock { $0 } == ["operation", "caller", "other"])
    }
}
