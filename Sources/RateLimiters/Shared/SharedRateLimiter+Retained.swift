package import ResilienceCore

extension SharedRateLimiter: StateRetaining {
    /// Calls that wait; what is leased is given back.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState { waiting > 0 ? .obligation : .nothing }
}
