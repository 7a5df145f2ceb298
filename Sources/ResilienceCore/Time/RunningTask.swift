/// The task that makes one, to be cancelled from elsewhere.
///
/// Immutable, `cancel()` may be called from any thread, and the reference keeps the task alive. A class, because copies of
/// the handle itself go through its type's witnesses and cost more than an allocation.
package final class RunningTask: @unchecked Sendable {
    private let task: UnsafeCurrentTask?

    /// Takes hold of the current task.
    package init() {
        task = withUnsafeCurrentTask { $0 }
    }

    package func cancel() { task?.cancel() }
}
