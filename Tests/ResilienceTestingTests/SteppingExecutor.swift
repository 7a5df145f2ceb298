import ResilienceCore

/// Runs jobs one after another, on the thread and at the time of the test's choice.
final class SteppingExecutor: TaskExecutor {
    private let queue = Lock<[UnownedJob]>([])
    private let interruption = Lock<(@Sendable () -> Void)?>(nil)

    /// Calls `action` once, in the middle of what makes the next job ready to run.
    func interruptNextEnqueue(_ action: @escaping @Sendable () -> Void) {
        interruption.withLock { $0 = action }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.append(job) }
        interruption.withLock { $0.take() }?()
    }

    /// Runs what is enqueued, in order, also what is enqueued meanwhile.
    func drain() {
        while let job = queue.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

/// A list that several tasks append to.
final class Log<Element: Sendable>: Sendable {
    private let state = Lock<[Element]>([])

    func append(_ element: Element) { state.withLock { $0.append(element) } }

    var elements: [Element] { state.withLock { $0 } }
}
