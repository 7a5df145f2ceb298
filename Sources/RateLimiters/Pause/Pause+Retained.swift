package import ResilienceCore
internal import Synchronization

extension Pause: StateRetaining {
    /// A pause that is in force, and the calls that wait for its end.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        end.load(ordering: .relaxed) > now.nanoseconds || waiting > 0 ? .obligation : .nothing
    }
}
