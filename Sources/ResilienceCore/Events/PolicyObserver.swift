/// Hears the events of the strategies and policies it was given to. Logs, metrics and traces are observers.
///
/// Events of one strategy arrive one after another and in the order in which they happened, outside every lock: an
/// observer may call the strategy it hears from. It should return quickly, because it runs within a caller's call. If
/// it does not, events are dropped, so that no call is held captive, and it hears ``EventsDropped`` in their place.
public protocol PolicyObserver: Sendable {
    /// Takes notice of an event. To look at one kind: `if let event = event as? CircuitBreaker.Event`.
    func observe(_ event: some PolicyEvent)
}
