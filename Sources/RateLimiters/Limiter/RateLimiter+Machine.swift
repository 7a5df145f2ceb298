internal import ResilienceCore

/// What is done around the lock: the word, the queue's ends, the timer, the events.
extension RateLimiter {
    /// Runs `body` under the lock, on the whole state; then resumes the calls whose wait has ended.
    func withState<Result: Sendable>(_ body: (inout RateLimiterState, Int64) -> Result) -> Result {
        var now = time.now.nanoseconds
        var doubted: Int64?
        while true {
            let step = machine.withLock { machine -> Step<Result> in
                if let arrival = word.takeOutLocked() { machine.state.base = .paced(arrival) }
                if let latest = machine.state.latestMoment(after: now) {
                    guard let doubted else { return .doubtful(latest) }
                    machine.state.rewind(to: now, if: doubted)
                }
                // What came before is reported before.
                machine.state.advance(to: now)
                var ended = takeEndedLocked(&machine.state)
                let result = body(&machine.state, now)
                ended += takeEndedLocked(&machine.state)
                let timer = machine.timer.action(for: machine.state.nextWake.map(TimeSource.Instant.init))
                putWordBackLocked(machine.state, now: now)
                return .done(result, ended, timer, burst: machine.state.meter.burst)
            }
            switch step {
            case .doubtful(let latest):
                doubted = latest
                now = time.now.nanoseconds
            case .done(let result, let ended, let timer, let burst):
                for ticket in ended { ticket.finish(by: name, burst: burst) }
                timer.cancelled?.cancel()
                if let next = timer.next { setTimer(next.number, at: next.deadline) }
                events.deliver()
                return result
            }
        }
    }

    private enum Step<Result: Sendable>: Sendable {
        /// Another has seen this moment, which lies ahead. Nothing has changed.
        ///
        /// The first to read the clock may come second, so that proves nothing. But if the clock is read again, after
        /// that moment was seen, and is before it still, that moment's reading was wrong.
        case doubtful(Int64)
        case done(Result, [Ticket], TimerSlot.Action, burst: Int)
    }

    /// Takes the tickets whose wait has ended, and posts their events.
    private func takeEndedLocked(_ state: inout RateLimiterState) -> [Ticket] {
        let ended = state.takeEnded()
        for ticket in ended { postLocked(ticket, burst: state.meter.burst) }
        return ended
    }

    /// While a call waits, or an observer listens to what happens in which order, the state stays under the lock.
    private func putWordBackLocked(_ state: RateLimiterState, now: Int64) {
        guard state.queue.isEmpty, !events.isListening else { return }
        guard case .paced(let meter) = state.meter, case .paced(let arrival) = state.base else { return }
        word.putBackLocked(arrival, at: now, meter)
    }

    /// Makes a configuration known to asks without the lock.
    func useLocked(_ state: RateLimiterState) {
        guard case .paced(let meter) = state.meter else { return }
        word.useLocked(meter, mayWait: state.configuration.maxWait > .zero)
    }

    /// Notifies observers of how a wait has ended.
    private func postLocked(_ ticket: Ticket, burst: Int) {
        guard ticket.waiter != nil, events.isListening else { return }
        if let error = ticket.rejection(by: name, burst: burst) {
            events.post(.rejected(error))
        } else {
            events.post(.permitted(permits: ticket.permits, waited: .nanoseconds(ticket.waited)))
        }
    }

    // MARK: The timer

    /// Sets the timer, outside the lock because the clock may fire it at once.
    private func setTimer(_ number: UInt64, at deadline: TimeSource.Instant) {
        let new = time.schedule(at: deadline) { [weak self] in self?.fire(number) }
        machine.withLock { $0.timer.keep(new, number) }?.cancel()
    }

    private func fire(_ number: UInt64) {
        if machine.withLock({ $0.timer.fire(number) }) { withState { state, now in _ = state.advance(to: now) } }
    }
}
