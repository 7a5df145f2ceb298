public import ResilienceCore

extension Pause {
    /// What happens to the calls of a service that asks to wait.
    public enum EventKind: PolicyEventKind {
        /// The service has asked a call to wait, here or on another node, and all calls are held back. Not told again
        /// while that is made longer.
        case paused(for: Duration)
        /// The pause is over, and a call has come.
        case resumed(after: Duration)
        /// A call that had come during a pause goes on.
        case waited(Duration)
        /// A call could not wait for the end of the pause.
        case rejected(PausedError)

        /// A warning when it begins, info when it ends, debug for calls.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .paused: ("pause.paused", .warning)
            case .resumed: ("pause.resumed", .info)
            case .waited: ("pause.waited", .debug)
            case .rejected: ("pause.rejected", .debug)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .paused(let length): "pause \"\(source)\" holds calls back for \(length.sentenceForm)"
            case .resumed(let length): "pause \"\(source)\" is over after \(length.sentenceForm)"
            case .waited(let length): "pause \"\(source)\" let a call go on after \(length.sentenceForm)"
            case .rejected(let error): error.description
            }
        }
    }

    /// Something that happened to the calls of a service that asks to wait.
    public typealias Event = SourcedEvent<EventKind>
}

extension Pause.EventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .paused(let length): details.add(seconds: "length", length)
        case .resumed(let length): details.add(seconds: "after", length)
        case .waited(let time): details.add(seconds: "waited", time)
        case .rejected(let error): details.add(error)
        }
    }
}
