public import ResilienceCore

/// What happens to a ``PolicyFamily``. What happens in its members are their layers' events.
public enum PolicyFamilyEventKind: PolicyEventKind {
    /// All places are taken by keys with which something would be lost: keys that are new share one policy from now on.
    /// Told once, until a new key has found a place again.
    case overflowed(maxKeys: Int)

    /// A warning: keys that have nothing to do with each other are treated as one.
    public var label: (name: String, severity: EventSeverity) {
        switch self {
        case .overflowed: ("policy_family.overflowed", .warning)
        }
    }

    /// A sentence for logs.
    public func description(of source: String) -> String {
        switch self {
        case .overflowed(let maxKeys):
            "policy family \"\(source)\" has no place for more than \(maxKeys) keys: further ones share one policy"
        }
    }
}

/// Something that happened to a ``PolicyFamily``.
public typealias PolicyFamilyEvent = SourcedEvent<PolicyFamilyEventKind>

extension PolicyFamilyEventKind: EventContent {
    package var subject: EventSubject { EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .overflowed(let maxKeys): details.add("max_keys", maxKeys)
        }
    }
}
