internal import ResilienceCore
internal import Synchronization

/// What is done around the lock: the word, the calls that wait, the timer, the events.
extension Bulkhead {
    /// What is to be done once the lock is released.
    struct Actions: Sendable {
        var resumptions: [Resumption] = []
        var deadline: TimeSource.Instant?
    }

    /// The end of a call's wait, complete: the admission is the caller's own from the moment it is made, under the
    /// lock.
    struct Resumption: Sendable {
        let waiter: Waiter<QueuedAdmission>
        let waited: Duration
        let result: Result<QueuedAdmission, any Error>
    }

    /// Returns a slot.
    func giveBack(_ admission: Admission) {
        // Before the slot is free: where no slot is in use, every call has been counted.
        finishedCalls.wrappingAdd(1, ordering: .relaxed)
        var gate = BulkheadGate(word: gate.load(ordering: .relaxed))
        // The slots of a partition are counted under the lock, also those of one that is gone by now.
        while !gate.isGuarded, admission.part == 0 {
            let (isExchanged, original) = self.gate.weakCompareExchange(
                expected: gate.word, desired: gate.returned.word, ordering: .acquiringAndReleasing)
            if isExchanged { return }
            gate = BulkheadGate(word: original)
        }
        giveBackByLock(admission)
    }

    @inline(never)
    private func giveBackByLock(_ admission: Admission) {
        guard admission.part >= 0 else { return giveBackClaim(admission) }
        let now = admission.isAnnounced ? time.now : admission.start
        let hasQueue = withState { state in
            let hasQueue = state.giveBack(Int(admission.part))
            if state.marksCalls { state.endUnmarked(admission.period) }
            if admission.isAnnounced {
                let duration = admission.start.duration(to: now)
                events.post(.finished(duration: duration, inUse: state.inUse))
            }
            return hasQueue
        }
        // The clock is the user's code, so it is read outside the lock; the first to come meanwhile serves.
        guard hasQueue else { return }
        let present = time.now
        withState(now: present) { $0.serve(now: present) }
    }

    /// Takes a slot that is free, under the lock; nothing if there is none, or if the call has to be marked first.
    ///
    /// - Parameter partition: The partition's name; `nil` for the calls without one.
    @inline(never)
    func admitByLock(_ partition: String?) -> Admission {
        let reading = reading
        guard !reading.marksCalls else { return .none }
        let start = reading.isTimed ? time.now : nil
        return withState { state in
            let part = state.part(partition)
            guard !state.marksCalls, state.takeFreeSlot(part) else { return .none }
            return announcedLocked(
                part: part, inUse: state.inUse, waited: .zero, start: start, period: state.markPeriod)
        }
    }

    /// Runs `body` under the lock, then does what follows from it.
    func withState<Result: Sendable>(
        now: TimeSource.Instant? = nil, _ body: (inout State) -> Result
    ) -> Result {
        let (result, actions) = changing(now: now, body)
        perform(actions)
        return result
    }

    /// Runs `body` under the lock, with the gate to itself; what follows is to be done outside every lock.
    func changing<Result: Sendable>(
        now: TimeSource.Instant?, _ body: (inout State) -> Result
    ) -> (Result, Actions) {
        changing(now: now, body) { result, _ in result }
    }

    /// Runs `body` under the lock and, when the events of what it did to others have been posted, `then`.
    ///
    /// - Parameter now: The time, where `body` may serve calls that wait.
    func changing<Step: Sendable, Result: Sendable>(
        now: TimeSource.Instant?, _ body: (inout State) -> Step, then: (Step, borrowing State) -> Result
    ) -> (Result, Actions) {
        state.withLock { state in
            let guarded = gate.bitwiseOr(BulkheadGate.guardedFlag, ordering: .acquiringAndReleasing).newValue
            state.inUse = BulkheadGate(word: guarded).inUse
            let step = body(&state)
            let resumptions = state.takeActions().map {
                resumptionLocked($0, now, limit: state.limit, period: state.markPeriod)
            }
            let actions = Actions(resumptions: resumptions, deadline: state.nextDeadline)
            let result = then(step, state)
            gate.store(Self.gate(of: state, isObserved: events.isListening).word, ordering: .releasing)
            return (result, actions)
        }
    }

    /// Counts what became of a call that waited, posts its event, and makes what it is resumed with.
    ///
    /// - Parameter now: The time; not needed where no call is served.
    private func resumptionLocked(_ action: State.Action, _ now: TimeSource.Instant?, limit: Int, period: Int32)
        -> Resumption
    {
        switch action {
        case .granted(let waiter, let part, let waited, let inUse):
            let start = now ?? TimeSource.Instant(nanoseconds: 0)
            let admission = announcedLocked(part: part, inUse: inUse, waited: waited, start: start, period: period)
            let queued = QueuedAdmission(admission: admission, waited: waited)
            return Resumption(waiter: waiter, waited: waited, result: .success(queued))
        case .refused(let waiter, let cause, let waited):
            rejectedCalls.wrappingAdd(1, ordering: .relaxed)
            let error = rejection(cause, limit, waited)
            events.post(.rejected(error))
            return Resumption(waiter: waiter, waited: waited, result: .failure(error))
        }
    }

    /// The admission of a call that has just got a slot.
    ///
    /// - Parameter start: The time; `nil` if it was not read, because no observer was listening a moment ago.
    func announcedLocked(
        part: Int, inUse: Int, waited: Duration, start: TimeSource.Instant?, period: Int32
    ) -> Admission {
        let isAnnounced = start != nil && events.isListening
        if isAnnounced { events.post(.permitted(waited: waited, inUse: inUse)) }
        return Admission(
            start: start ?? TimeSource.Instant(nanoseconds: 0), inFlight: Int32(truncatingIfNeeded: inUse),
            part: Int32(truncatingIfNeeded: part), isGranted: true, isTimed: start != nil, isAnnounced: isAnnounced,
            period: period)
    }

    func rejection(_ cause: RejectedError.Cause, _ limit: Int, _ waited: Duration) -> RejectedError {
        RejectedError(policyName: name, cause: cause, limit: limit, waited: waited)
    }

    /// Resumes the calls that have waited, delivers events and sets the timer; outside every lock.
    func perform(_ actions: Actions) {
        for resumption in actions.resumptions { resume(resumption) }
        events.deliver()
        guard let deadline = actions.deadline else { return }
        timer.arm(deadline) { [weak self] in
            guard let self else { return }
            let now = time.now
            withState(now: now) { $0.serve(now: now) }
        }
    }

    func resume(_ resumption: Resumption) {
        waits.record(0, nanoseconds: resumption.waited.saturatedNanoseconds)
        resumption.waiter.finish(with: resumption.result)
    }

    // Not inlined by itself into the steps by lock, each of which would cost 38 instructions more.
    @inline(__always)
    static func gate(of state: borrowing State, isObserved: Bool) -> BulkheadGate {
        let isAdaptive = if case .adaptive = state.configuration.limit.kind { true } else { false }
        return BulkheadGate(
            inUse: state.inUse, limit: state.limit,
            isGuarded: isObserved || state.queued > 0 || state.isPartitioned || state.marksCalls,
            isTimed: isAdaptive || isObserved, hasQueue: state.configuration.queue.capacity > 0,
            marksCalls: state.marksCalls)
    }

    /// The word as it is now.
    var reading: BulkheadGate { BulkheadGate(word: gate.load(ordering: .acquiring)) }
}
