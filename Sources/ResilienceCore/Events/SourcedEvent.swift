/// An event of this package: where it happened, and what. `CircuitBreaker.Event` is one with a
/// `CircuitBreaker.EventKind`.
///
/// ```swift
/// if let event = event as? CircuitBreaker.Event, case .transition(let transition) = event.kind {
///     print(event.source, "went from", transition.from, "to", transition.to)
/// }
/// ```
@frozen
public struct SourcedEvent<Kind: PolicyEventKind>: PolicyEvent {
    /// The name of the strategy or policy it happened in.
    public let source: String

    /// What happened.
    public let kind: Kind

    /// Creates an event, as for tests of an observer.
    @inlinable
    public init(source: String, _ kind: Kind) {
        self.source = source
        self.kind = kind
    }

    /// The constant name of the kind: `circuit_breaker.transition`.
    @inlinable public var name: String { kind.label.name }

    /// The severity of the kind.
    @inlinable public var severity: EventSeverity { kind.label.severity }

    /// A sentence for logs.
    public var description: String { kind.description(of: source) }
}

/// What a ``SourcedEvent`` tells: an enum of each pattern, whose cases do not repeat where it happened.
public protocol PolicyEventKind: Sendable {
    /// The constant name, which is that of the pattern and the case, and how much attention it deserves:
    /// `circuit_breaker.transition`, a warning.
    var label: (name: String, severity: EventSeverity) { get }

    /// A sentence for logs.
    ///
    /// - Parameter source: The name of the strategy or policy it happened in.
    func description(of source: String) -> String
}
