/// What integrations such as logging need to know of an event of this package, or of its kind.
///
/// Demanded of kinds by ``EventChannel``: a pattern whose events do not say it does not compile.
package protocol EventContent: Sendable {
    /// What it is about.
    var subject: EventSubject { get }

    /// Adds what it says, taken apart. Keys of callers, such as users or tenants, are left out.
    func add(to details: inout EventDetails)
}

extension SourcedEvent: EventContent where Kind: EventContent {
    package var subject: EventSubject { kind.subject }

    package func add(to details: inout EventDetails) { kind.add(to: &details) }
}

extension EventsDropped: EventContent {
    package var subject: EventSubject { .failure }

    package func add(to details: inout EventDetails) { details.add("count", count) }
}
