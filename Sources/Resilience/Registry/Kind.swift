internal import ResilienceCore

/// What a kind of thing is called in errors, in configuration documents and in reports.
struct Kind: Sendable, Hashable {
    /// Small numbers for patterns, large ones for policies and families; for other types the address of their metadata,
    /// which is neither.
    private let id: UInt
    /// As errors say it: `circuit breaker`.
    let title: String
    /// The section of a document in which things of this kind are configured by name; `nil` if they are not.
    let section: String?

    /// The kind of a pattern.
    init(_ pattern: KnownPattern, _ title: String, section: String) {
        self.init(pattern.rawValue, title, section)
    }

    init(_ id: UInt, _ title: String, _ section: String?) {
        self.id = id
        self.title = title
        self.section = section
    }

    /// The kind of a type that the module knows nothing about.
    private init(of type: Any.Type) {
        self.init(UInt(bitPattern: ObjectIdentifier(type)), "\(type)", nil)
    }

    /// The kind of a type.
    static func of(_ type: Any.Type) -> Kind { (type as? any Component.Type)?.kind ?? Kind(of: type) }

    static func == (lhs: Kind, rhs: Kind) -> Bool { lhs.id == rhs.id }

    func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
