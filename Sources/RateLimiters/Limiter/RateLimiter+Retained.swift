package import ResilienceCore

extension RateLimiter: StateRetaining {
    /// Permits that are used up and have not come back, and calls that wait.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        machine.withLock { machine in
            guard machine.state.isQuiet else { return .obligation }
            let base = word.arrival.map { AnyRateMeter.State.paced($0) } ?? machine.state.base
            return machine.state.meter.isUnused(base, at: now.nanoseconds) ? .nothing : .obligation
        }
    }
}
