/// The running calls under one limit, by deadline, with one timer for all of them.
///
/// A call registers, and takes itself off the list when it ends. The timer is set to the earliest deadline and left
/// there when the call ends in time: it fires at most once in each limit, finds out what is due now, and is set again.
package final class DeadlineLane: Sendable {
    fileprivate typealias Queue = DeadlineQueue<TimeSource.Instant, CallLimit>

    private struct State {
        var queue = Queue()
        var timer = TimerSlot()
    }

    /// Where a call is registered.
    struct Place: Sendable {
        fileprivate let id: Queue.ID
    }

    let time: TimeSource
    private let state = Lock(State())

    package init(_ time: TimeSource) {
        self.time = time
    }

    deinit {
        state.withLock { $0.timer.clear() }?.cancel()
    }

    /// How many calls are registered.
    package var count: Int { state.withLock { $0.queue.count } }

    /// Registers a call whose child is the current task, until ``end(_:_:)``, and sees to it that the child is
    /// cancelled at the deadline; at once, if its caller is cancelled already.
    ///
    /// Not inlined into the asynchronous caller; see `Lock`.
    @inline(never)
    func begin(_ call: CallLimit, in child: Task<Void, Never>?) {
        let deadline = call.deadline
        let (number, isCancelled) = state.withLock { state in
            if let child { call.child = child }
            call.place = Place(id: state.queue.insert(call, at: deadline))
            return (state.timer.claim(at: deadline), call.isCancelledByCaller)
        }
        if isCancelled { child?.cancel() }
        if let number { setTimer(number, at: deadline) }
    }

    /// Takes the child of a call, made by the caller of this.
    @inline(never)
    func keep(_ child: Task<Void, Never>, of call: CallLimit) {
        let isCancelled = state.withLock { _ in
            call.child = child
            return call.isCancelledByCaller
        }
        if isCancelled { child.cancel() }
    }

    /// Cancels a call, because its caller is cancelled.
    @inline(never)
    func cancel(_ call: CallLimit) {
        let child = state.withLock { _ in
            call.isCancelledByCaller = true
            return call.child
        }
        child?.cancel()
    }

    /// Takes a call off the list, and notes how it ended. Its deadline has passed if it has by the clock, also where
    /// the timer has not come to this call yet.
    @inline(never)
    func end(_ call: CallLimit, _ error: (any Error)?) {
        let (isFired, child) = state.withLock { state in
            defer { call.child = nil }
            guard let place = call.place else { return (false, call.child) }
            return (state.queue.remove(place.id) == nil, call.child)
        }
        _ = child  // Released outside the lock.
        call.end()
        call.childEnd = ChildEnd(error: error, isExpired: isFired || time.now >= call.deadline)
    }

    /// Sets the timer, outside the lock because the clock may fire it at once.
    private func setTimer(_ number: UInt64, at deadline: TimeSource.Instant) {
        let new = time.schedule(at: deadline) { [weak self] in self?.fire(number) }
        state.withLock { $0.timer.keep(new, number) }?.cancel()
    }

    private func fire(_ number: UInt64) {
        let now = time.now
        let (due, next) = state.withLock { state -> ([Task<Void, Never>], (UInt64, TimeSource.Instant)?) in
            guard state.timer.fire(number) else { return ([], nil) }
            var due: [Task<Void, Never>] = []
            while let call = state.queue.popFirst(dueAt: now) {
                if let child = call.child { due.append(child) }
            }
            guard let deadline = state.queue.firstDeadline else { return (due, nil) }
            return (due, state.timer.claim(at: deadline).map { ($0, deadline) })
        }
        // Cancelling runs the cancellation handlers of the operation: the user's code.
        for child in due { child.cancel() }
        if let (number, deadline) = next { setTimer(number, at: deadline) }
    }
}
