/// Fires actions at their deadlines, with one sleeping task for all of them.
///
/// An entry costs no timer of its own and is removed when it is cancelled. The driver task exists only while something
/// is scheduled, and is replaced when an entry comes that is due before the driver would wake.
package final class DeadlineScheduler: Sendable {
    package static let continuous = DeadlineScheduler(.continuous)

    private struct State {
        var queue = Queue()
        var driver: Task<Void, Never>?
        var wakesAt = TimeSource.Instant(nanoseconds: .max)
        /// Tells the current driver from one that was replaced while it slept. No `TimerSlot`: that is for timers,
        /// which are set here, and the driver is a task.
        var driverNumber: UInt64 = 0
    }

    private typealias Queue = DeadlineQueue<TimeSource.Instant, @Sendable () -> Void>

    private let time: TimeSource
    private let state = Lock(State())

    package init(_ time: TimeSource) {
        self.time = time
    }

    /// How many entries wait.
    package var count: Int { state.withLock { $0.queue.count } }

    /// Calls `action` at `instant`, or at once if that has passed, on the global executor.
    package func schedule(
        at instant: TimeSource.Instant, _ action: @escaping @Sendable () -> Void
    ) -> any ScheduledTimer {
        state.withLock { state in
            let id = state.queue.insert(action, at: instant)
            if state.driver == nil || instant < state.wakesAt { startDriverLocked(&state, at: instant) }
            return Entry(id: id, scheduler: self)
        }
    }

    private func startDriverLocked(_ state: inout State, at instant: TimeSource.Instant) {
        state.driver?.cancel()
        state.driverNumber &+= 1
        state.wakesAt = instant
        let number = state.driverNumber
        // Detached: the driver serves all callers and takes on neither the priority nor the task-local values of the
        // one that starts it. It keeps the scheduler alive until nothing is scheduled.
        state.driver = Task.detached(name: "deadline scheduler") {
            var wakesAt = instant
            while true {
                do { try await self.time.sleep(until: wakesAt, tolerance: .zero) } catch { return self.stopped(number) }
                guard let next = self.fireDue(number) else { return }
                wakesAt = next
            }
        }
    }

    /// The driver was replaced, or its clock does not sleep: the next entry starts another.
    private func stopped(_ number: UInt64) {
        state.withLock { state in
            if state.driverNumber == number { state.driver = nil }
        }
    }

    /// Fires what is due, outside the lock, and returns when to wake next; `nil` ends the driver.
    private func fireDue(_ number: UInt64) -> TimeSource.Instant? {
        while true {
            let now = time.now
            let (due, next) = state.withLock { state -> ((@Sendable () -> Void)?, TimeSource.Instant?) in
                guard state.driverNumber == number else { return (nil, nil) }
                if let due = state.queue.popFirst(dueAt: now) { return (due, nil) }
                guard let next = state.queue.firstDeadline else {
                    state.driver = nil
                    return (nil, nil)
                }
                state.wakesAt = next
                return (nil, next)
            }
            guard let due else { return next }
            due()
        }
    }

    private struct Entry: ScheduledTimer {
        let id: Queue.ID
        weak let scheduler: DeadlineScheduler?

        func cancel() {
            // The action is released outside the lock: what it owns may come back to the scheduler.
            let removed = scheduler?.state.withLock { $0.queue.remove(id) }
            _ = removed
        }
    }
}
