internal import ResilienceCore
internal import Synchronization

/// What is done around the lock: successes counted without it, the word, the timer, the events.
extension CircuitBreaker {
    /// Runs `body` under the lock, with the state complete: successes that were counted without it are brought in.
    func withLock<Result: Sendable>(_ body: (inout CircuitBreakerState) -> Result) -> Result {
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
        let (result, _) = withLock { machine in
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

    // MARK: The end of a call

    /// Counts a call that threw as what the conditions on errors take it for.
    ///
    /// - Returns: Whether the result came in time to count.
    @discardableResult
    func recordError(_ error: any Error, _ admission: Admission, _ context: Context) -> Bool {
        let conditions = conditions.withLock { $0 }
        return record(Outcome(conditions.judge(error, in: context)), admission, error)
    }

    /// - Returns: Whether the result came in time to count: in the state that let the call through, and before a probe
    ///   was given up.
    @discardableResult
    func record(_ outcome: Outcome, _ admission: Admission, _ error: (any Error)?) -> Bool {
        // The call around it tells how the whole ended.
        if admission.gate.isWithinCall { return true }
        let current = CircuitBreakerGate(word: gate.load(ordering: .relaxed))
        let wasTimed = admission.gate.needsTime
        let isTimed = wasTimed || current.needsTime
        let now = isTimed ? time.now : TimeSource.Instant.unknown
        let start = wasTimed ? admission.start : now
        if current.isMeasured, wasTimed, let kind = outcome.meterKind {
            meters.record(kind, nanoseconds: now.nanoseconds.subtractingSaturated(start.nanoseconds))
        }
        let call = CircuitBreakerState.EndedCall(ticket: admission.gate.ticket, start: start, isTimed: wasTimed)
        let ended = withLock { machine in
            let (slowBefore, lateBefore) = (machine.totals.slow, machine.totals.late)
            let request = machine.recordEnd(outcome, call, outcome == .failure ? error : nil, now: now)
            if current.isObserved {
                let isSlow = machine.totals.slow != slowBefore
                events.post(
                    .called(outcome, duration: start.duration(to: now), isSlow: isSlow))
            }
            let isNew = machine.isDirty
            if isNew { publishLocked(&machine) }
            return (
                request: request, isNew: isNew, isLate: machine.totals.late != lateBefore,
                discarded: machine.discarded.isEmpty ? nil : machine.takeDiscarded()
            )
        }
        // A call that need not be timed may open the breaker, and a break begins now.
        if let request = ended.request { trip(request, error: error, now: isTimed ? now : time.now) }
        if ended.isNew { afterPublishing() } else if current.isObserved { events.deliver() }
        if outcome == .failure { fleet.failed() }
        return !ended.isLate
    }

    /// Opens the breaker on request of its state machine: asks the predicates and the break's length, which are the
    /// user's code, outside the lock. If the state has changed by then, another task was faster.
    func trip(_ request: TripRequest, error: (any Error)?, now: TimeSource.Instant) {
        if request.isObserving {
            let rules = request.predicates.filter { $0.holds(request.counts) }.map(\.rule)
            if !rules.isEmpty { withMachine { $0.postWouldOpen(rules, request) } }
            return
        }
        guard request.reason != nil || request.predicates.contains(where: { $0.holds(request.counts) }) else { return }
        let context = BreakContext(
            consecutiveOpens: request.consecutiveOpens, error: error, counts: request.counts)
        let length = request.breakLength.length(context, random)
        withMachine { $0.open(request, request.reason ?? .predicate, for: length, error: error, now: now) }
        // A break that began some time ago may be over.
        if request.moment != nil { advanced { _, _ in } }
    }

    // MARK: What follows from a change

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

    /// Adopts the part of a configuration that is used outside the lock of the state machine.
    func use(_ conditions: ErrorConditions) { self.conditions.replace(with: conditions) }

    var isObserved: Bool { events.isListening }

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
            timer.change(to: withLock { $0.configuration.endsBreakByTimer ? $0.nextDeadline : nil })
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
