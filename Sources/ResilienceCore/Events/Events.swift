/// Something that happened in a strategy: a value of the pattern's own event type, such as `CircuitBreaker.Event`.
public protocol PolicyEvent: Sendable, CustomStringConvertible {
    /// The name of the strategy or policy it happened in.
    var source: String { get }

    /// What happened, as a constant name for metrics and logs: `circuit_breaker.transition`.
    var name: String { get }

    /// How much attention it deserves.
    var severity: EventSeverity { get }
}

/// How much attention an event deserves, least first.
public enum EventSeverity: Int, Sendable, Comparable {
    /// Part of normal work: a call succeeded.
    case debug
    /// Worth a line: a state changed.
    case info
    /// Something stopped working: a circuit opened.
    case warning

    /// Whether one severity deserves less attention than another.
    public static func < (lhs: EventSeverity, rhs: EventSeverity) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Hears the events of the strategies and policies it was given to. Logs, metrics and traces are observers.
///
/// Events of one strategy arrive one after another and in the order in which they happened, outside every lock: an
/// observer may call the strategy it hears from. It should return quickly, because it runs within a caller's call. If
/// it does not, events are dropped, so that no call is held captive, and it hears ``EventsDropped`` in their place.
public protocol PolicyObserver: Sendable {
    /// Takes notice of an event. To look at one kind: `if let event = event as? CircuitBreaker.Event`.
    func observe(_ event: some PolicyEvent)
}

/// Told in the place of events that were dropped, because observers were too slow for as many as there were.
public struct EventsDropped: PolicyEvent {
    /// The name of the strategy or policy whose events they were.
    public let source: String

    /// How many.
    public let count: Int

    package init(source: String, count: Int) {
        self.source = source
        self.count = count
    }

    /// `events.dropped`
    public var name: String { "events.dropped" }

    /// A warning.
    public var severity: EventSeverity { .warning }

    /// `"payments" dropped 12 events: observers are too slow`
    public var description: String {
        "\"\(source)\" dropped \(count) event\(count == 1 ? "" : "s"): observers are too slow"
    }
}
