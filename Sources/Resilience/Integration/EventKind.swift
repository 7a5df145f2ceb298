package import ResilienceCore

/// What an event is about, by which logs choose their level.
package enum EventKind: Sendable, Hashable, CaseIterable {
    /// A call: nothing changed for others, and its caller knows how it ended.
    case call
    /// A state or a limit: other calls are treated differently from now on.
    case change
    /// The module could not do what it was asked to, or observers have missed something.
    case failure

    /// Of an event that is not one of this package's, the severity decides.
    package init(_ event: some PolicyEvent) {
        self =
            switch event {
            case is Policy.Event, is Retry.Event, is Timeout.Event, is Hedge.Event, is FallbackEvent,
                is StaleWhileRevalidateEvent:
                .call
            case is EventsDropped: .failure
            case let event as ResilienceModule.Event where event.severity == .warning: .failure
            default: event.severity == .debug ? .call : .change
            }
    }
}
