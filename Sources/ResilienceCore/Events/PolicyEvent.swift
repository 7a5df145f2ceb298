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
