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
