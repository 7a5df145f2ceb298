package import ResilienceCore

extension AdaptiveThrottle: StateRetaining {
    /// Calls of the window that the service has not taken on.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        state.withLock { state in
            state.advance(to: now)
            return state.requests > state.accepts ? .obligation : .nothing
        }
    }
}
