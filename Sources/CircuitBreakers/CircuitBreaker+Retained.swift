package import ResilienceCore

extension CircuitBreaker: StateRetaining {
    /// A break, probes, a state set by hand, and what the window holds against the service. A break that is over has had
    /// its effect.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        machine.withLock { $0.retained(at: now) }
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
        let isSuspicious =
            configuration.trip.needsOnlyStreaks
            ? counts.consecutiveFailures > 0 : counts.failures > 0 || counts.slow > 0 || counts.consecutiveFailures > 0
        guard isSuspicious else { return .nothing }
        return isWindowOfTime ? .obligation : .knowledge
    }
}
