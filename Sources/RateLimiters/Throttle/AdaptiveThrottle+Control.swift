public import ResilienceCore

extension AdaptiveThrottle {
    // MARK: Reading

    /// The probability with which the next call is rejected, 0 to 1.
    public var rejectionProbability: Double { current { $0.rejectionProbability } }

    /// The calls in the window: those that the service accepted or refused, and those that were rejected.
    public var requests: Int { current { $0.requests } }

    /// The calls in the window that the service accepted.
    public var accepts: Int { current { $0.accepts } }

    /// The totals since the throttle was created.
    public var totals: Totals { state.withLock { $0.totals } }

    /// The configuration in force.
    public var configuration: Configuration { state.withLock { $0.configuration } }

    /// Reads after forgetting what is older than the window.
    func current<Value: Sendable>(_ read: (AdaptiveThrottleState) -> Value) -> Value {
        let now = present()
        return withState { state in
            state.advance(to: now)
            return read(state)
        }
    }

    /// So that a late result of a permit is known as such.
    func forgetOldParts() { current { _ in } }

    /// Adds an observer of this throttle's events.
    public func addObserver(_ observer: any PolicyObserver) {
        events.add(observer)
    }

    // MARK: Retuning

    /// Replaces the configuration and keeps the totals and what is in the window, as far as the new one
    /// reaches back.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        let now = present()
        _ = withState { state in
            state.update(configuration, now: now)
            return use(configuration.conditions)
        }
    }
}
