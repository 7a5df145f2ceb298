public import ResilienceCore
internal import Synchronization

extension Bulkhead {
    // MARK: Reading

    /// How many calls may run at once, now: an adaptive limit changes.
    public var limit: Int { reading.limit }

    /// The slots in use: calls that run, and permits that are held. More than ``limit`` after it was made smaller.
    public var inUse: Int { reading.inUse }

    /// The slots that are free.
    public var available: Int {
        let gate = reading
        return max(0, gate.limit - gate.inUse)
    }

    /// How many calls wait.
    public var waiting: Int { state.withLock { $0.queued } }

    /// The longest time for which a queued call has waited so far; `nil` if none waits.
    public var oldestWait: Duration? {
        let now = time.now
        return state.withLock { $0.oldestWait(now: now) }.map { max(.zero, $0) }
    }

    /// The configuration in force. Its limit is the one that was given; ``limit`` is the one that holds.
    public var configuration: Configuration { state.withLock { $0.configuration } }

    /// The totals since the bulkhead was created.
    public var totals: Totals {
        var totals = state.withLock { state in
            var totals = Totals()
            totals.displaced = state.displaced
            totals.timedOut = state.timedOut
            totals.cancelled = state.cancelled
            totals.waited = state.waited
            totals.waitingTime = .nanoseconds(state.waitingNanoseconds)
            return totals
        }
        totals.finished = finishedCalls.load(ordering: .relaxed)
        totals.rejected = rejectedCalls.load(ordering: .relaxed)
        return totals
    }

    /// Adds an observer of this bulkhead's events.
    ///
    /// While an observer listens, every call takes the lock, so that the events have the order of what happened.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
        waits.attach(observer)
        withState { _ in }
    }

    // MARK: Retuning

    /// Replaces the configuration and keeps the calls that run or wait, the totals, and what an adaptive limit has
    /// learned: an equal limit continues, a different one adopts what it can; a different initial value restarts it.
    ///
    /// With a larger limit, waiting calls get the new slots at once. With a smaller one, running calls continue, and
    /// none is let through until fewer than the new limit are left. Calls that wait keep their place and the time they
    /// may wait, also if the queue is shorter now. A partition that is gone ends what it has begun.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        put(configuration.limit) { $0 = configuration }
    }

    /// Puts a limit in force, and what else `change` changes of the configuration.
    private func put(_ new: Limit, _ change: (inout Configuration) -> Void) {
        let now = time.now
        // Made before the lock is taken, because its seed comes from other people's code; and only if it is needed.
        let fresh = isLearning(new) ? nil : AdaptiveLimit(new, random)
        let actions = adaptiveLimit.withLock { adaptiveLimit -> Actions in
            var limit = new.initial
            if case .adaptive(let adaptive) = new.kind, let present = adaptiveLimit,
                present.origin === adaptive
            {
                limit = Limit.usable(present.limit.limit)
            } else {
                // Of another thread's update that came between, this one knows nothing.
                var next = fresh ?? AdaptiveLimit(new, .system)
                if let present = adaptiveLimit, present.isContinued(by: next), let adopted = next?.resume(from: present)
                {
                    limit = adopted
                }
                adaptiveLimit = next
            }
            return changing(now: now) { state in
                let old = state.limit
                var configuration = state.configuration
                change(&configuration)
                state.update(configuration, limit: limit)
                if old != limit {
                    events.post(.limitChanged(from: old, to: limit, isAdaptive: false))
                }
                state.serve(now: now)
            }.1
        }
        perform(actions)
    }

    /// Whether the limit is the one at work.
    private func isLearning(_ limit: Limit) -> Bool {
        guard case .adaptive(let adaptive) = limit.kind else { return false }
        return adaptiveLimit.withLock { $0?.origin === adaptive }
    }

    /// Changes the limit alone: ``update(_:)`` with a fixed limit. An adaptive limit is replaced by it.
    ///
    /// - Parameter limit: 0 to 1 000 000 000. With 0 no call is let through until the next change, while those that run
    ///   are let run.
    /// - Throws: `ConfigurationError` if the limit is not allowed; the old one stays in force then.
    public func resize(to limit: Int) throws(ConfigurationError) {
        let limit = Limit.fixed(limit)
        var check = ConfigurationCheck("bulkhead")
        limit.check(&check)
        try check.finish()
        // The rest stays as it is then, also if another task is changing it.
        put(limit) { $0.limit = limit }
    }
}
