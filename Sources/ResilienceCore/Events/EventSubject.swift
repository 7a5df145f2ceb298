/// What an event is about, by which logs choose their level.
package enum EventSubject: Sendable, Hashable, CaseIterable {
    /// A call: nothing changed for others, and its caller knows how it ended.
    case call
    /// A state or a limit: other calls are treated differently from now on.
    case change
    /// The module could not do what it was asked to, or observers have missed something.
    case failure

    /// Of events that are debug where they are about a call.
    package init(_ severity: EventSeverity) {
        self = severity == .debug ? .call : .change
    }

    /// Of an event that is not one of this package's, the severity decides.
    package init(of event: some PolicyEvent) {
        self = (event as? any EventContent)?.subject ?? EventSubject(event.severity)
    }
}
