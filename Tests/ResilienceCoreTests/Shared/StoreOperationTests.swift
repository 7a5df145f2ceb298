import ResilienceCore
import ResilienceTesting
import Testing

@Suite("An operation of a store")
struct StoreOperationTests {
    private struct Failed: Error {}

    /// One operation that has 100 ms, in one thread.
    private final class Stage: Sendable {
        let clock = ManualClock()
        let executor = SteppingExecutor()
        let outcome = Lock<String?>(nil)
        let isCancelled = Lock(false)
        /// What an operation waits for that does not return by itself.
        let end = Waiter<Int>()
        private let task = Lock<Task<Void, Never>?>(nil)

        func run(_ operation: @escaping @Sendable (Stage) async throws -> Int) {
            let time = TimeSource(clock)
            task.replace(
                with: Task(executorPreference: executor) { [self] in
                    do {
                        let value = try await runStoreOperation(within: .milliseconds(100), on: time) { [self] in
                            try await withTaskCancellationHandler {
                                try await operation(self)
                            } onCancel: {
                                isCancelled.withLock { $0 = true }
                            }
                        }
                        outcome.replace(with: "\(value)")
                    } catch {
                        outcome.replace(with: "\(error)")
                    }
                })
            executor.drain()
        }

        func pass(_ duration: Duration) { clock.advance(by: duration, running: executor) }

        func cancel() {
            task.withLock { $0 }?.cancel()
            executor.drain()
        }

        var state: String? { outcome.withLock { $0 } }
    }

    @Test("its result is handed on, value or error, and no timer is left")
    func result() {
        for (fails, outcome) in [(false, "7"), (true, "Failed()")] {
            let stage = Stage()
            stage.run { stage in
                try await stage.clock.sleep(until: stage.clock.now.advanced(by: .milliseconds(99)))
                if fails { throw Failed() }
                return 7
            }
            stage.pass(.milliseconds(98))
            #expect(stage.state == nil)
            stage.pass(.milliseconds(1))
            #expect(stage.state == outcome && !stage.isCancelled.withLock { $0 })
            #expect(stage.clock.timerCount == 0)
        }
    }

    @Test("at the limit it is cancelled, and one that does not obey is not waited for; what it gives later is lost")
    func limit() {
        let stage = Stage()
        stage.run { try await $0.end.value() }
        stage.pass(.milliseconds(99))
        #expect(stage.state == nil && !stage.isCancelled.withLock { $0 })
        stage.pass(.milliseconds(1))
        let timedOut = "\(SharedStateError.timedOut(.milliseconds(100)))"
        #expect(stage.state == timedOut && stage.isCancelled.withLock { $0 })
        stage.end.finish(with: .success(1))
        stage.pass(.seconds(1))
        #expect(stage.state == timedOut && stage.executor.readyCount == 0)
    }

    @Test("a caller who is cancelled goes at once, and cancels it")
    func cancelled() {
        let stage = Stage()
        stage.run { try await $0.end.value() }
        stage.cancel()
        #expect(stage.state == "\(CancellationError())" && stage.isCancelled.withLock { $0 })
        #expect(stage.clock.timerCount == 0)
        stage.end.finish(with: .success(1))
        stage.executor.drain()
    }

    @Test("its limit is 1 ms to 60 s")
    func limits() throws {
        let nanosecond = Duration.nanoseconds(1)
        func faults(_ limit: Duration) -> [ConfigurationError.Fault] {
            var check = ConfigurationCheck("shared")
            check.require(operationLimit: limit)
            return check.faults
        }
        for limit in [Duration.milliseconds(1), .milliseconds(100), .seconds(60)] { #expect(faults(limit).isEmpty) }
        for limit in [.milliseconds(1) - nanosecond, .seconds(60) + nanosecond, .zero, .seconds(-1)] {
            let faults = faults(limit)
            #expect(faults.map(\.field) == ["shared.operationLimit"] && faults.map(\.value) == ["\(limit)"])
            #expect(faults.map(\.violation) == ["is outside 1 ms...60 s"])
        }
    }
}
