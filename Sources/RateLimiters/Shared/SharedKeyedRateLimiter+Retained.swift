package import ResilienceCore

extension SharedKeyedRateLimiter: StateRetaining {
    /// Calls that wait; what is leased is given back.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        table.figures.waiting > 0 ? .obligation : .nothing
    }
}

extension SharedKeyedRateLimiter.Single: ComponentLayer {
    package var component: any Sendable { limiter }
}

extension SharedKeyedRateLimiter.ByContext: ComponentLayer {
    package var component: any Sendable { limiter }
}
