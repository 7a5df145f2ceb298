package import ResilienceCore

extension Bulkhead: StateRetaining {
    /// Calls that run or wait, and a limit that an algorithm has found.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        if inUse > 0 || waiting > 0 { return .obligation }
        return adaptiveLimit.withLock { adaptiveLimit in
            adaptiveLimit.map { $0.limit.limit != $0.origin.initial.limit } ?? false ? .knowledge : .nothing
        }
    }
}

extension Bulkhead.Partition: ComponentLayer {
    package var component: any Sendable { bulkhead }
}
