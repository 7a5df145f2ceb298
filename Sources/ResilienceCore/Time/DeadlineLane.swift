/// The running calls under one limit, by deadline, with one timer for all of them.
///
/// A call registers, and takes itself off the list when it ends. The timer is set to the earliest deadline and left there
/// when the call ends in time: it fires at most once in each limit, finds out what is due now, and is set anew.
package final class DeadlineLane: Sendable {
    private struct State {
        var queue = Queue()
        var timer: (any ScheduledTimer)?
        var timerFiresAt = TimeSource.Instant(nanoseconds: .max)
        /// Tells the timer that is set from one that was replaced before it was known here.
        var timerNumber: UInt64 = 0

        /// The number of a timer to be set for this deadline, if none is that fires by then.
        mutating func claimTimer(at deadline: TimeSource.Instant) -> UInt64? {
            guard deadline < timerFiresAt else { return nil }
            timerFiresAt = deadline
            timerNumber &+= 1
            return timerNumber
        }
    }

    fileprivate typealias Queue = DeadlineQueue<TimeSource.Instant, RunningTask>

    /// A call that is registered.
    package struct Registration: Sendable {
        fileprivate let id: Queue.ID
    }

    private let time: TimeSource
    private let state = Lock(State())

    package init(_ time: TimeSource) {
        self.time = time
    }

    deinit {
        state.withLock { $0.timer }?.cancel()
    }

    /// How many calls are registered.
    package var count: Int { state.withLock { $0.queue.count } }

    /// Registers the current task until ``remove(_:)``, to be cancelled at the deadline.
    @inline(never)
    func insertCurrentTask(_ deadline: TimeSource.Instant) -> Registration {
        let task = RunningTask()
        let (id, timerNumber) = state.withLock { state in
            (state.queue.insert(task, at: deadline), state.claimTimer(at: deadline))
        }
        if let timerNumber { setTimer(timerNumber, at: deadline) }
        return Registration(id: id)
    }

    /// Takes a call off the list.
    ///
    /// Not inlined into the asynchronous caller, where unlocking has trapped; see `Lock`.
    ///
    /// - Returns: Whether its deadline had passed and its task was cancelled for that.
    @inline(never)
    func remove(_ registration: Registration) -> Bool {
        state.withLock { $0.queue.remove(registration.id) == nil }
    }

    /// Sets the timer, outside the lock because the clock may fire it at once.
    private func setTimer(_ number: UInt64, at deadline: TimeSource.Instant) {
        let new = time.schedule(at: deadline) { [weak self] in self?.fire(number) }
        let unneeded = state.withLock { state -> (any ScheduledTimer)? in
            // Another call may have set an earlier one meanwhile, or this one may have fired.
            guard state.timerNumber == number else { return new }
            defer { state.timer = new }
            return state.timer
        }
        unneeded?.cancel()
    }

    private func fire(_ number: UInt64) {
        let now = time.now
        let (due, next) = state.withLock { state -> ([RunningTask], (UInt64, TimeSource.Instant)?) in
            guard state.timerNumber == number else { return ([], nil) }
            var due: [RunningTask] = []
            while let task = state.queue.popFirst(dueAt: now) { due.append(task) }
            state.timer = nil
            state.timerFiresAt = TimeSource.Instant(nanoseconds: .max)
            guard let deadline = state.queue.firstDeadline else { return (due, nil) }
            return (due, state.claimTimer(at: deadline).map { ($0, deadline) })
        }
        // Cancelling runs the cancellation handlers of the operation: the user's code.
        for task in due { task.cancel() }
        if let (number, deadline) = next { setTimer(number, at: deadline) }
    }
}
