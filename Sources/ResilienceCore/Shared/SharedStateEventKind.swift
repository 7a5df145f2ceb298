/// A change in whether a store of shared state can be reached, told by what uses it in the background.
public enum SharedStateEventKind: PolicyEventKind {
    /// The store does not answer: from now on this node goes by what it knows. Told once, until the store is back.
    case degraded(SharedStateError)
    /// The store answers again, after so long.
    case recovered(after: Duration)

    /// A warning when the store is away, info when it is back.
    public var label: (name: String, severity: EventSeverity) {
        switch self {
        case .degraded: ("shared_state.degraded", .warning)
        case .recovered: ("shared_state.recovered", .info)
        }
    }

    /// A sentence for logs.
    public func description(of source: String) -> String {
        switch self {
        case .degraded(let error): "\"\(source)\" is not shared: \(error)"
        case .recovered(let time): "\"\(source)\" is shared again, after \(time.sentenceForm)"
        }
    }

    /// A change as an event.
    public typealias Event = SourcedEvent<SharedStateEventKind>

    package init(_ change: StoreLink.Change) {
        switch change {
        case .degraded(let error): self = .degraded(error)
        case .recovered(let time): self = .recovered(after: time)
        }
    }
}

extension SharedStateEventKind: EventContent {
    package var subject: EventSubject { if case .degraded = self { .failure } else { .change } }

    package func add(to details: inout EventDetails) {
        switch self {
        case .degraded(let error): details.add(error)
        case .recovered(let time): details.add(seconds: "after", time)
        }
    }
}
