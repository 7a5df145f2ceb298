public import ResilienceCore

/// An observer that keeps the events it hears, in order.
///
/// ```swift
/// let recorder = EventRecorder()
/// breaker.addObserver(recorder)
/// …
/// #expect(recorder.names == ["circuit_breaker.transition"])
/// ```
public final class EventRecorder: PolicyObserver {
    private struct State {
        var events: [any PolicyEvent] = []
        var count = AwaitedCount()
    }

    private let state = Lock(State())

    /// Creates a recorder without events.
    public init() {}

    /// Keeps an event.
    public func observe(_ event: some PolicyEvent) {
        let arrived = state.withLock { state in
            state.events.append(event)
            return state.count.increment()
        }
        arrived.finish()
    }

    /// The events since the start, or since ``clear()``.
    public var events: [any PolicyEvent] { state.withLock { $0.events } }

    /// The events of one type, in order.
    public func events<Event: PolicyEvent>(of type: Event.Type) -> [Event] {
        events.compactMap { $0 as? Event }
    }

    /// The names of the events, in order.
    public var names: [String] { events.map(\.name) }

    /// Forgets the events so far.
    public func clear() {
        state.withLock { state in
            state.events = []
            state.count.reset()
        }
    }

    /// Suspends until there are at least so many events, counted since the start or ``clear()``.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func waitForEvents(_ count: Int) async throws {
        guard let waiter = state.withLock({ $0.count.waiter(for: count) }) else { return }
        try await waiter.value { [self] in state.withLock { $0.count.forget(waiter) } }
    }
}
