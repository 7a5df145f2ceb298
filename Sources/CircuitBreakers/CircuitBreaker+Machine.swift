public import ResilienceCore
internal import Synchronization

/// What is done around the lock: successes counted without it, the word, the timer, the events.
extension CircuitBreaker {
    /// Runs `body` under the lock, with the state complete: successes that were counted without it are brought in.
    func locked<Result: Sendable>(_ body: (inout CircuitBreakerState) -> Result) -> Result {
        machine.withLock { machine in
            let number = pending.takeLocked()
            if number > 0 { machine.recordSuccesses(number) }
            if let taken = pendingTimed.takeLocked() {
                machine.recordSuccesses(taken.number, taking: taken.nanoseconds)
            }
            let result = body(&machine)
            if !isObserved, !meters.isAttached {
                switch machine.deferral {
                case .none: break
                case .untimed: pending.openLocked(machine.generation)
                case .timed(let limits): pendingTimed.openLocked(limits)
                }
            }
            return result
        }
    }

    /// Runs `body` under the lock, then publishes what it changed.
    func withMachine<Result: Sendable>(_ body: (inout CircuitBreakerState) -> Result) -> Result {
        let (result, _) = locked { machine in
            let result = body(&machine)
            if machine.isDirty { publishLocked(&machine) }
            return (result, machine.takeDiscarded())
        }
        afterPublishing()
        return result
    }

    /// Brings the state up to the present and runs `body` under the lock.
    func advanced<Result: Sendable>(
        _ body: (inout CircuitBreakerState, TimeSource.Instant) -> Result
    ) -> Result {
        while true {
            let now = time.now
            let (request, result) = withMachine { machine -> (TripRequest?, Result?) in
                if let request = machine.advance(to: now) { return (request, nil) }
                return (nil, body(&machine, now))
            }
            if let result { return result }
            if let request { trip(request, error: nil, now: now) }
        }
    }

    /// Makes changes visible to readers without the lock and posts their events.
    func publishLocked(_ machine: inout CircuitBreakerState) {
        openUntil.store(machine.openUntil.nanoseconds, ordering: .relaxed)
        reportedEnd.store(machine.reportedEnd.nanoseconds, ordering: .relaxed)
        openFrom.store(machine.earliestOfBreak.nanoseconds, ordering: .relaxed)
        let opening = machine.state == .open ? machine.lastFailure : nil
        let before = failure.withLock { failure in
            defer { failure = opening }
            return failure
        }
        if let before { machine.discard(before) }
        gate.store(
            CircuitBreakerGate(machine, isObserved: isObserved, isMeasured: meters.isAttached).word,
            ordering: .releasing)
        for action in machine.takeActions() {
            switch action {
            case .transition(let transition):
                fleet.noteChange()
                events.post(.transition(transition))
            case .wouldOpen(let reason, let counts):
                events.post(.wouldOpen(reason, counts: counts))
            case .reset(let state, let counts):
                events.post(.reset(state, counts: counts))
            }
        }
    }

    func afterPublishing() {
        events.deliver()
        rearmTimer()
        fleet.signalChange()
    }

    var isObserved: Bool { events.isListening }

    /// Adds an observer of this breaker's events.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
        meters.attach(observer)
        withMachine { $0.isDirty = true }
    }

    package func becomeLayer() {
        withMachine { machine in
            machine.uses.increment()
            if machine.uses > 1 { machine.marksCalls = true }
        }
    }

    // MARK: The timer that ends a break

    /// Sets the timer to the present deadline. The clock is called outside the lock, because it may fire at once; of
    /// two calls that overlap the later one, which has seen the newer deadline, stays.
    func rearmTimer() {
        let change = timer.withLock { timer in
            timer.change(to: locked { $0.configuration.endsBreakByTimer ? $0.nextDeadline : nil })
        }
        guard let change else { return }
        change.old?.cancel()
        guard let (deadline, number) = change.new else { return }
        let new = time.schedule(at: deadline) { [weak self] in
            guard let self, timer.withLock({ $0.fire(number) }) else { return }
            advanced { _, _ in }
        }
        timer.withLock { $0.keep(new, number) }?.cancel()
    }
}
