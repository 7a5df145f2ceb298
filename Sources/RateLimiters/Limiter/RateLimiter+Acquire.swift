internal import ResilienceCore
internal import Synchronization

extension RateLimiter {
    /// Takes permits if they are there now, and no call waits for them.
    ///
    /// - Parameter permits: How many. None or fewer count as none and are always there.
    /// - Returns: Whether they were taken.
    public func tryAcquire(_ permits: Int = 1) -> Bool {
        let permits = max(0, permits)
        let now = time.now
        switch word.take(permits, at: now.nanoseconds) {
        case .granted:
            tally.countPermitted()
            return true
        case .refused:
            tally.countRejected()
            return false
        case .undecided:
            if case .some(.granted) = try? ask(permits, now: now, maxWait: 0, isCall: true) { return true }
            return false
        }
    }

    /// Takes permits, or waits for them.
    ///
    /// - Parameters:
    ///   - permits: How many. None or fewer count as none and are always there.
    ///   - maxWait: The longest wait, zero or more. Default: `nil`, that of the configuration.
    /// - Throws: ``RejectedError`` at once if they would come later than that, or not before the deadline of the call
    ///   that the task is within; ``ExceedsLimitError`` at once if they never would; `CancellationError` if the task is
    ///   cancelled during the wait. Nothing is taken then.
    public nonisolated(nonsending) func acquire(_ permits: Int = 1, maxWait: Duration? = nil) async throws {
        let longest = maxWait.map { max(0, $0.saturatedNanoseconds) }
        let now = time.now
        let ticket = try enter(
            max(0, permits), now: now, maxWait: longest,
            deadline: rootContext.lastMoment(on: time, now: now).nanoseconds)
        if let ticket { try await wait(for: ticket) }
    }

    /// Waits until a ticket has been granted, and counts how that ends.
    @usableFromInline
    nonisolated(nonsending) func wait(for ticket: Ticket) async throws {
        do {
            try await ticket.waiter?.value { [self] in cancel(ticket, grantToo: false) }
        } catch {
            tally.countEnd(error)
            throw error
        }
        // Granted at the very moment of being cancelled.
        if Task.isCancelled {
            _ = cancel(ticket, grantToo: true)
            tally.countCancelled()
            throw CancellationError()
        }
        tally.countGranted(ticket)
    }

    /// Gives up a ticket.
    ///
    /// - Returns: Whether it was still in the queue.
    func cancel(_ ticket: Ticket, grantToo: Bool) -> Bool {
        withState { state, now in
            let wasQueued = state.cancel(ticket, now: now, grantToo: grantToo)
            if wasQueued || grantToo { events.post(.cancelled(permits: ticket.permits)) }
            return wasQueued
        }
    }
}
