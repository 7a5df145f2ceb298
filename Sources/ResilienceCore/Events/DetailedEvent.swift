/// An event of this package, which says what integrations such as logging need to know of it.
///
/// Demanded by ``EventChannel``: a pattern whose events do not say it does not compile.
package protocol DetailedEvent: PolicyEvent {
    /// What it is about.
    var eventKind: EventKind { get }

    /// Adds what it says, taken apart. Keys of callers, such as users or tenants, are left out.
    func add(to details: inout EventDetails)
}

extension EventsDropped: DetailedEvent {
    package var eventKind: EventKind { .failure }

    package func add(to details: inout EventDetails) { details.add("count", count) }
}
