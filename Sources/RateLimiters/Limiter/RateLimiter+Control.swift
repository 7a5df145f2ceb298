public import ResilienceCore

extension RateLimiter {
    // MARK: Reading

    /// How many permits there are now for a call that asks: none while others wait for theirs.
    public var available: Int { withState { state, now in state.available(now: now) } }

    /// How long a request for one permit would wait now, behind all others; zero if there is one.
    public var nextPermit: Duration { .nanoseconds(withState { state, now in state.nextPermit(now: now) }) }

    /// How many tasks wait for permits.
    public var waiting: Int {
        withState { state, now in
            state.advance(to: now)
            return state.waiting
        }
    }

    /// How many permits are promised for the future: to calls that wait, and to reservations.
    public var promised: Int {
        withState { state, now in
            state.advance(to: now)
            return state.queue.tickets.reduce(0) { $0.addingSaturated($1.permits) }
        }
    }

    /// The totals since the limiter was created.
    public var totals: Totals { tally.totals }

    /// The configuration in force.
    public var configuration: Configuration { withState { state, _ in state.configuration } }

    /// Adds an observer of this limiter's events.
    public func addObserver(_ observer: any PolicyObserver) {
        tally.meters.attach(observer)
        events.add(observer)
        withState { _, _ in }
    }

    // MARK: Retuning

    /// Replaces the configuration and keeps what has been used.
    ///
    /// Permits that are in use stay so, up to the new burst: a bucket that was half empty lacks the same number of
    /// tokens, which come at the new rate. A window goes on from its start. A rule of another kind starts with the
    /// permits in use as if taken now. Every waiting call is promised a new time; one that would then wait longer than
    /// allowed, or asked for more than there will ever be, is rejected.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        withState { state, now in
            state.update(configuration, now: now)
            useLocked(state)
            events.post(.updated(configuration))
        }
    }

    // MARK: By hand

    /// Takes all permits that are there now away, for example because the service said that it has had enough.
    ///
    /// - Returns: How many there were. None while others wait: there are none to spare then.
    @discardableResult
    public func drain() -> Int {
        withState { state, now in
            let permits = state.drain(now: now)
            events.post(.drained(permits: permits))
            return permits
        }
    }
}
