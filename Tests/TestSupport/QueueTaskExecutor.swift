import Dispatch

/// A task executor on a queue that can tell whether code runs on it.
package final class QueueTaskExecutor: TaskExecutor, Sendable {
    private let queue = DispatchQueue(label: "task executor")
    private let key = DispatchSpecificKey<Bool>()

    package init() { queue.setSpecific(key: key, value: true) }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Whether the calling code runs on the queue.
    package var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }
}
