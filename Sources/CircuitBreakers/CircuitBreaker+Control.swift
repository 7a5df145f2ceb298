public import ResilienceCore

extension CircuitBreaker {
    // MARK: Reading

    /// The state now: a break that is over is half-open, also without a call.
    public var state: State { advanced { machine, _ in machine.state } }

    /// What the rule looks at now: the calls of the window or, half-open, the probes. Zero while open.
    public var counts: Counts { advanced { machine, _ in machine.counts } }

    /// The share of failures in the window, 0 to 1; `nil` while there are fewer calls than the rule asks for.
    public var failureRate: Double? { advanced { machine, _ in machine.failureRate } }

    /// The share of slow calls in the window, 0 to 1; `nil` while there are fewer calls than the rule asks for.
    public var slowCallRate: Double? { advanced { machine, _ in machine.slowCallRate } }

    /// The totals since the breaker was created.
    public var totals: Totals {
        var totals = withLock { $0.totals }
        totals.rejected = totals.rejected.addingSaturated(uncountedRejections)
        return totals
    }

    /// The rest of the break; `nil` unless the breaker is open. Of a fleet's break, what ``OpenError/retryAfter`` says.
    public var remainingBreak: Duration? {
        advanced { machine, now in machine.state == .open ? now.duration(to: machine.reportedEnd) : nil }
    }

    /// Until when the state says more than that the breaker is new: the end of the break; forever while it is isolated;
    /// `nil` otherwise. Does not move on to half-open, and calls no other code.
    package var breakEnd: TimeSource.Instant? {
        withLock { machine in
            switch machine.state {
            case .open: machine.openUntil
            case .isolated: TimeSource.Instant(nanoseconds: .max)
            case .closed, .halfOpen, .disabled, .observing: nil
            }
        }
    }

    /// The configuration in force.
    public var configuration: Configuration { withLock { $0.configuration } }

    /// The changes of state from now on, each with the counts from before it. Any number of sequences may be read at
    /// once; each keeps the latest 256 changes that its reader has not taken.
    public var transitions: some AsyncSequence<Transition, Never> & Sendable {
        let (stream, continuation) = AsyncStream.makeStream(of: Transition.self, bufferingPolicy: .bufferingNewest(256))
        let remove = events.tap { event in
            if case .transition(let transition) = event.kind { continuation.yield(transition) }
        }
        continuation.onTermination = { _ in remove() }
        return stream
    }

    /// Adds an observer of this breaker's events.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
        meters.attach(observer)
        withMachine { $0.isDirty = true }
    }

    // MARK: By hand

    /// Opens the breaker, or restarts its break, for the length that the configuration says.
    public func open() {
        let now = time.now
        let (breakLength, context) = advanced { machine, _ in
            (
                machine.configuration.breakLength,
                BreakContext(
                    consecutiveOpens: machine.consecutiveOpens.addingSaturated(1), error: nil, counts: machine.counts)
            )
        }
        open(for: breakLength.length(context, random), now: now)
    }

    /// Opens the breaker, or restarts its break, for a given time.
    ///
    /// - Parameter length: At least 1 ns.
    /// - Throws: `ConfigurationError` if the length is not allowed; nothing is changed then.
    public func open(for length: Duration) throws(ConfigurationError) {
        var check = ConfigurationCheck(name)
        check.require(positive: "length", length)
        try check.finish()
        open(for: length, now: time.now)
    }

    private func open(for length: Duration, now: TimeSource.Instant) {
        withMachine { $0.openByHand(for: length, now: now) }
    }

    /// Closes the breaker and forgets its counts and how often it opened in a row. The totals stay. If it is closed
    /// already, that is a ``EventKind/reset(_:counts:)``.
    public func close() { change(to: .closed) }

    /// Rejects every call until the state is changed by hand.
    public func isolate() { change(to: .isolated) }

    /// Lets every call through and judges none; only the totals count them.
    public func disable() { change(to: .disabled) }

    /// Lets every call through and counts it, but only reports what would have opened the breaker.
    public func observe() { change(to: .observing) }

    /// Ends the break now: the next calls are probes. Half-open already, it starts over with fresh probes.
    ///
    /// - Throws: ``TransitionError`` unless the breaker is open, half-open or isolated.
    public func halfOpen() throws(TransitionError) {
        let now = time.now
        let error: TransitionError? = withMachine { machine in
            switch machine.state {
            case .open, .halfOpen, .isolated:
                machine.change(to: .halfOpen, .manual, now: now)
                return nil
            case .closed, .disabled, .observing:
                return TransitionError(policyName: name, from: machine.state, to: .halfOpen)
            }
        }
        if let error { throw error }
    }

    private func change(to state: State) {
        let now = time.now
        withMachine { $0.change(to: state, .manual, now: now) }
    }

    // MARK: Retuning

    /// Replaces the configuration and keeps the state, the counts, the totals and the calls that run. The next
    /// result is judged by the new rule. A break that has begun keeps its length.
    ///
    /// Where the window changes, the latest outcomes that fit are taken over; between windows of different kinds, with
    /// the same rates. ``Configuration/initialState`` is only for new breakers.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        use(configuration.conditions)
        let (request, now) = advanced { machine, now in (machine.update(configuration, now: now), now) }
        if let request { trip(request, error: nil, now: now) }
    }
}

extension CircuitBreakerState {
    /// The share of failures, as soon as there are as many calls as the rule asks for.
    var failureRate: Double? { counts.calls >= minimumCallsForFailureRate ? counts.failureRate : nil }

    /// The share of slow calls, likewise.
    var slowCallRate: Double? { counts.calls >= minimumCallsForSlowCallRate ? counts.slowCallRate : nil }

    private var minimumCallsForFailureRate: Int {
        let minima = configuration.trip.rules.compactMap {
            if case .failureRate(_, let minimumCalls) = $0 { minimumCalls } else { nil }
        }
        return minima.min() ?? 1
    }

    private var minimumCallsForSlowCallRate: Int {
        let minima = configuration.trip.rules.compactMap {
            if case .slowCallRate(_, let minimumCalls) = $0 { minimumCalls } else { nil }
        }
        return minima.min() ?? 1
    }
}
