internal import ResilienceCore

/// A task executor that runs jobs one after another, on the thread and at the time of the test's choice.
///
/// Together with a clock that is moved by hand it makes calls take the same course every time: no two jobs run at once,
/// and nothing runs but in ``drain()`` and ``step()``.
///
/// ```swift
/// let executor = SteppingExecutor()
/// let clock = ManualClock()
/// let call = Task(executorPreference: executor) { try await payments.execute { try await gateway.charge(order) } }
/// executor.drain()                  // until the call waits for something
/// clock.advance(by: .seconds(1))
/// executor.drain()                  // what that has woken
/// ```
///
/// The preference holds for what runs on no actor. Jobs may be enqueued from any thread; run them from one at a time.
public final class SteppingExecutor: TaskExecutor {
    private struct Jobs {
        private var jobs: [UnownedJob] = []
        private var next = 0

        var count: Int { jobs.count - next }

        mutating func append(_ job: UnownedJob) { jobs.append(job) }

        mutating func popFirst() -> UnownedJob? {
            guard next < jobs.count else { return nil }
            let job = jobs[next]
            next += 1
            if next == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                next = 0
            }
            return job
        }
    }

    private let jobs = Lock(Jobs())
    private let interruption = Lock<(@Sendable () -> Void)?>(nil)

    /// Creates an executor without jobs.
    public init() {}

    /// Takes a job, to be run later. Called by the runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        interruption.withLock { $0.take() }?()
    }

    /// How many jobs are ready to run.
    public var readyCount: Int { jobs.withLock { $0.count } }

    /// Runs one job: a task until it suspends.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func step() -> Bool {
        guard let job = jobs.withLock({ $0.popFirst() }) else { return false }
        job.runSynchronously(on: asUnownedTaskExecutor())
        return true
    }

    /// Runs what is ready, in order, also what becomes ready meanwhile, until every task waits for something.
    public func drain() {
        while step() {}
    }

    /// Calls `action` once, in the middle of what makes the next job ready to run.
    package func interruptNextEnqueue(_ action: @escaping @Sendable () -> Void) {
        interruption.withLock { $0 = action }
    }
}
