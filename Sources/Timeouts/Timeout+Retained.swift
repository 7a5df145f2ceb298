package import ResilienceCore

extension Timeout: StateRetaining {
    /// It remembers no call.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState { .nothing }
}
