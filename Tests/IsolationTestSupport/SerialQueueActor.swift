import Dispatch

/// A serial executor of its own, on a dispatch queue that can tell whether code runs on it.
package final class QueueExecutor: SerialExecutor, Sendable {
    package static let shared = QueueExecutor()

    private let queue = DispatchQueue(label: "isolation tests")
    private let key = DispatchSpecificKey<Bool>()

    private init() {
        queue.setSpecific(key: key, value: true)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    /// Whether the calling code runs on this executor.
    package var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }
}

/// State that is not `Sendable`, and would be raced on if a body ran off its actor.
package final class Counter {
    package var value = 0
    package init() {}
}

/// Where the parts of a call ran.
package struct Places: Sendable, Equatable {
    package var body: [Bool] = []
    package var afterReturn: Bool?
    package var inCatch: Bool?

    package init(body: [Bool] = [], afterReturn: Bool? = nil, inCatch: Bool? = nil) {
        self.body = body
        self.afterReturn = afterReturn
        self.inCatch = inCatch
    }
}

/// The error of the isolation tests.
package struct IsolationTestError: Error {
    package init() {}
}

/// Leaves the current executor and comes back.
@concurrent
package func hopAway() async {
    await Task.yield()
}

/// A function that runs on the global executor and only throws.
@concurrent
package func throwElsewhere() async throws {
    throw IsolationTestError()
}
