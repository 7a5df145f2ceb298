public import ResilienceCore
internal import Synchronization

extension Pause {
    // MARK: Reading

    /// The configuration in force.
    public var configuration: Configuration { state.withLock { $0.configuration } }

    /// How long the pause still lasts; `nil` if there is none.
    public var remaining: Duration? {
        guard end.load(ordering: .relaxed) != .min else { return nil }
        let now = time.now.nanoseconds
        let left = state.withLock { bounded($0, now) }.subtractingSaturated(now)
        return left > 0 ? .nanoseconds(left) : nil
    }

    /// How many calls wait.
    public var waiting: Int { counts.running.load(ordering: .relaxed) }

    // MARK: Retuning

    /// Puts another configuration in force. A pause that lasts is then no longer than the new one allows; calls that
    /// wait already do so as they were told.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        state.withLock { $0.configuration = configuration }
    }

    // MARK: By hand

    /// Pauses all calls that come from now on.
    ///
    /// - Parameter delay: For how long, at most as long as is allowed. A pause that lasts longer already stays.
    public func pause(for delay: Duration) {
        guard let (announce, bounded) = extend(for: delay), let announce else { return }
        announce(sharedName, bounded)
    }

    /// Pauses as another node has been asked to. What ends a little later than what is known is the same, heard late.
    func receive(_ delay: Duration) { _ = extend(for: delay, byAtLeast: .milliseconds(100)) }

    /// Sees to it that each pause that this node is asked for is told, on any thread.
    func announce(_ announce: @escaping @Sendable (_ name: String, _ delay: Duration) -> Void) {
        let old = state.withLock { state in
            defer { state.announce = announce }
            return state.announce
        }
        _ = old  // Released outside the lock.
    }

    // MARK: The pause

    /// What is left of a pause for a call that comes. The first one after it is over ends it for good.
    func leftForCall() -> Duration? {
        // The usual call.
        guard end.load(ordering: .relaxed) != .min else { return nil }
        return leftOrOver()
    }

    @inline(never)
    private func leftOrOver() -> Duration? {
        let now = time.now.nanoseconds
        let left = state.withLock { state -> Int64 in
            let known = end.load(ordering: .relaxed)
            guard known != .min else { return 0 }
            let left = bounded(state, now).subtractingSaturated(now)
            if left > 0 { return left }
            end.store(.min, ordering: .relaxed)
            events.post(.resumed(after: .nanoseconds(state.length)))
            return 0
        }
        events.deliver()
        return left > 0 ? .nanoseconds(left) : nil
    }

    /// The end, which is no later than a pause can last from now on: a clock that was wrong, or a longer limit that was
    /// in force, may have set it.
    private func bounded(_ state: State, _ now: Int64) -> Int64 {
        min(end.load(ordering: .relaxed), now.addingSaturated(state.configuration.maxPause.saturatedNanoseconds))
    }

    /// - Returns: Whom to tell and how long the pause is; `nil` if it lasts no longer now than before.
    private func extend(
        for delay: Duration, byAtLeast least: Duration = .zero
    ) -> (announce: (@Sendable (String, Duration) -> Void)?, bounded: Duration)? {
        guard delay > .zero else { return nil }
        let now = time.now.nanoseconds
        let least = least.saturatedNanoseconds
        defer { events.deliver() }
        return state.withLock { state in
            let length = min(delay, state.configuration.maxPause).saturatedNanoseconds
            let new = now.addingSaturated(length)
            let known = end.load(ordering: .relaxed) == .min ? .min : bounded(state, now)
            let isNew = known <= now
            guard known < new, isNew || new.subtractingSaturated(known) >= least else { return nil }
            if isNew, known != .min { events.post(.resumed(after: .nanoseconds(state.length))) }
            state.length = length
            end.store(new, ordering: .relaxed)
            counts.pauses.wrappingAdd(1, ordering: .relaxed)
            if isNew { events.post(.paused(for: .nanoseconds(length))) }
            return (state.announce, .nanoseconds(length))
        }
    }
}

extension Pause: StateRetaining {
    /// A pause that is in force, and those who wait for its end.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        end.load(ordering: .relaxed) > now.nanoseconds || waiting > 0 ? .obligation : .nothing
    }
}
