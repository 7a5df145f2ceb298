package import ResilienceCore

extension AdaptiveThrottle: StateRetaining {
    /// Calls of the window that the service has not taken on.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        machine.withLock { machine in
            machine.expire(now: now)
            return machine.requests > machine.accepts ? .obligation : .nothing
        }
    }
}
