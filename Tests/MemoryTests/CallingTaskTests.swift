import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

/// An `async let` task is not reference counted, and its storage is its parent's: those who keep a reference to it read
/// freed memory once it has ended. Seen only where freed memory is filled: `.ci/run address`.
@Suite("Tasks that make calls", .timeLimit(.minutes(30)))
struct CallingTaskTests {
    private func makeModule(_ clock: ManualClock = ManualClock()) throws -> ResilienceModule {
        try ResilienceModule(clock: clock) {
            Registration("x") { CircuitBreaker.layer() }
            Registration("y") { Retry.layer(.immediate, maxAttempts: 2) }
        }
    }

    /// What any number of tasks can wait for.
    private func signal() -> (Waiter<Void>, Task<Void, any Error>) {
        let waiter = Waiter<Void>()
        return (waiter, Task { try await waiter.value() })
    }

    /// Runs two calls in tasks whose storage goes with this function's.
    private func call(
        _ module: ResilienceModule, _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        async let first: Void = module.execute("x") { try await body(1) }
        async let second: Void = module.admit("y") { try await body(2) }
        _ = try await (first, second)
    }

    @Test("a task that a call begins may outlive the task that made the call, and call too")
    func outlives() async throws {
        let module = try makeModule()
        let (go, isGone) = signal()
        let tasks = Box<[Task<Int, any Error>]>([])
        for _ in 0..<50 {
            try await Task {
                try await call(module) { number in
                    let task = Task {
                        try await isGone.value
                        // In a task of another task, whose call is over; and within that call once more.
                        return try await module.execute("x") {
                            async let inner = module.execute("y") { number }
                            return try await inner
                        }
                    }
                    tasks.value.withLock { $0.append(task) }
                }
            }.value
        }
        go.finish()
        var sum = 0
        for task in tasks.value.withLock({ $0 }) { sum += try await task.value }
        #expect(sum == 150 && module.callsInFlight == 0)
    }

    @Test("a refresh that is begun within a call may outlive it")
    func refresh() async throws {
        let clock = ManualClock()
        let module = try makeModule(clock)
        let cache = try StaleWhileRevalidate<Int>(
            "cache", .init(freshFor: .seconds(1), staleFor: .seconds(100)), clock: clock)
        _ = try await cache.execute { 0 }
        for round in 1...50 {
            clock.advance(by: .seconds(2))
            let (go, isGone) = signal()
            try await Task {
                async let value = module.execute("x") {
                    try await cache.execute {
                        try await isGone.value
                        return try await module.execute("y") { round }
                    }
                }
                _ = try await value
            }.value
            go.finish()
            await cache.waitForRefreshes()
        }
        #expect(module.callsInFlight == 0)
    }

    @Test("calls under limits are cancelled, by their callers and by the timer, while they end and afterwards")
    func limits() async throws {
        let clock = ManualClock()
        let timeout = try Timeout(.seconds(1), clock: clock)
        let outer = try Timeout(.seconds(2), clock: clock)
        for round in 0..<300 {
            let tasks = (0..<4).map { number in
                Task {
                    // Their storage is this task's; the limits' children are tasks of their own.
                    async let first: Void = timeout.execute { await Task.yield() }
                    async let second: Void = outer.execute {
                        try await timeout.execute { try await clock.sleep(for: .seconds(number + round % 3)) }
                    }
                    // Ends before it suspends, and never is a task that its maker knows.
                    async let third: Void = timeout.execute {}
                    _ = try? await (first, second, third)
                }
            }
            let mover = Task {
                for _ in 0..<4 {
                    clock.advance(by: .milliseconds(600))
                    await Task.yield()
                }
            }
            for task in tasks.prefix(round % 5) { task.cancel() }
            await mover.value
            while clock.advanceToNextDeadline() != nil || timeout.running > 0 || outer.running > 0 {
                await Task.yield()
            }
            for task in tasks {
                task.cancel()
                await task.value
            }
        }
        #expect(timeout.running == 0 && outer.running == 0)
    }

    @Test("a shutdown cancels calls while they end")
    func shutdown() async throws {
        for round in 0..<200 {
            let module = try makeModule()
            let (entered, isFull) = signal()
            let left = Box(round % 40)
            let calls = (0..<8).map { _ in
                Task {
                    for _ in 0..<20 {
                        try? await call(module) { _ in
                            let isDue = left.value.withLock { left in
                                left -= 1
                                return left <= 0
                            }
                            if isDue { entered.finish() }
                            await Task.yield()
                        }
                    }
                }
            }
            try await isFull.value
            let report = await module.shutdown(gracePeriod: .zero)
            #expect(report.abandonedCalls == 0, "round \(round)")
            for call in calls { await call.value }
            #expect(module.callsInFlight == 0)
        }
    }
}

/// What closures of several tasks change.
private final class Box<Value: Sendable>: Sendable {
    let value: Lock<Value>
    init(_ value: Value) { self.value = Lock(value) }
}
