public import ResilienceCore
internal import Synchronization

extension Pause {
    // MARK: Reading

    /// The configuration in force.
    public var configuration: Configuration { state.withLock { $0.machine.configuration } }

    /// How long the pause still lasts; `nil` if there is none.
    public var remaining: Duration? {
        guard end.load(ordering: .relaxed) != PauseState.never else { return nil }
        let now = time.now.nanoseconds
        let left = state.withLock { $0.machine.remaining(at: now) }
        return left > 0 ? .nanoseconds(left) : nil
    }

    /// The totals since the pause was created.
    public var totals: Totals { counters.totals }

    /// How many calls wait.
    public var waiting: Int { counters.waiting.load(ordering: .relaxed) }

    /// Adds an observer of this pause's events.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    // MARK: Retuning

    /// Replaces the configuration. A pause that lasts is then no longer than the new one allows; calls that
    /// wait already do so as they were told.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        state.withLock { $0.machine.configuration = configuration }
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

    /// What is left of a pause for a call that comes.
    func leftForCall() -> Duration? {
        // The usual call.
        guard end.load(ordering: .relaxed) != PauseState.never else { return nil }
        return leftOrOver()
    }

    @inline(never)
    private func leftOrOver() -> Duration? {
        let now = time.now.nanoseconds
        let left = state.withLock { state -> Int64 in
            let (left, resumed) = state.machine.remainingForCall(at: now)
            if let resumed {
                end.store(state.machine.end, ordering: .relaxed)
                events.post(.resumed(after: .nanoseconds(resumed)))
            }
            return left
        }
        events.deliver()
        return left > 0 ? .nanoseconds(left) : nil
    }

    /// - Returns: The function to announce it with, and how long the pause is; `nil` if it lasts no longer now than
    ///   before.
    private func extend(
        for delay: Duration, byAtLeast least: Duration = .zero
    ) -> (announce: (@Sendable (String, Duration) -> Void)?, bounded: Duration)? {
        let (delay, least) = (delay.saturatedNanoseconds, least.saturatedNanoseconds)
        let now = time.now.nanoseconds
        defer { events.deliver() }
        return state.withLock { state in
            guard let change = state.machine.extend(for: delay, byAtLeast: least, at: now) else { return nil }
            end.store(state.machine.end, ordering: .relaxed)
            if let resumed = change.resumed { events.post(.resumed(after: .nanoseconds(resumed))) }
            counters.pauses.wrappingAdd(1, ordering: .relaxed)
            if change.isNew { events.post(.paused(for: .nanoseconds(change.length))) }
            return (state.announce, .nanoseconds(change.length))
        }
    }
}
