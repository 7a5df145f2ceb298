/// Something that happened to one call, taken apart for a trace: an event of the call's span.
package struct CallEvent: Sendable {
    /// A constant name: `retry.attempt_failed`.
    package let name: String
    /// The name of the strategy it happened in; `nil` where the span says so already.
    package let source: String?
    /// What it says. Of the error, a trace tells the type.
    package let details: EventDetails

    package init(_ name: String, source: String? = nil, _ fill: (inout EventDetails) -> Void = { _ in }) {
        self.name = name
        self.source = source
        var details = EventDetails()
        fill(&details)
        self.details = details
    }
}

/// The key of reports that a trace tells as well, not only the `Execution` of the call.
package protocol TracedReport: ContextKey {
    /// What a report means for the call; `nil` if it is not worth telling.
    static func callEvent(_ report: Value) -> CallEvent?
}

/// An error that tells more of what happened to the call than that it failed.
package protocol TracedError: Error {
    var callEvent: CallEvent { get }
}
