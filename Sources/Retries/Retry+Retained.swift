package import ResilienceCore

extension Retry: StateRetaining {
    /// Tokens that are used up of a budget which the retry does not share.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        (configuration.budget as? RetryBudget)?.isOwnAndUsed == true ? .knowledge : .nothing
    }
}
