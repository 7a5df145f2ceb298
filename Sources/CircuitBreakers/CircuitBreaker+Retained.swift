package import ResilienceCore

extension CircuitBreaker: StateRetaining {
    /// A break, probes, a state set by hand, and what the window holds against the service. A break that is over has
    /// had its effect.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        withLock { $0.retained(at: now) }
    }
}

extension CircuitBreakerState {
    mutating func retained(at now: TimeSource.Instant) -> RetainedState {
        switch state {
        case .open: return now < openUntil ? .obligation : .nothing
        case .halfOpen, .isolated: return .obligation
        case .disabled, .observing: if state != configuration.initialState { return .obligation }
        case .closed: break
        }
        forgetOld(now: now)
        let counts = counts
        let isStreak = counts.consecutiveFailures > 0 && configuration.trip.looksAtStreaks
        let isWindow = !configuration.trip.needsOnlyStreaks && (counts.failures > 0 || counts.slow > 0)
        if isWindow, isWindowOfTime { return .obligation }
        return isStreak || isWindow ? .knowledge : .nothing
    }
}

extension CircuitBreaker.Trip {
    /// Whether a rule counts failures in a row, which do not age.
    fileprivate var looksAtStreaks: Bool {
        rules.contains { if case .consecutiveFailures = $0 { true } else { false } }
    }
}
