internal import ResilienceCore

/// What a module holds, by type and name, in the order of registration. A pure value.
struct Registry {
    struct Key: Hashable {
        let type: ObjectIdentifier
        let name: String
    }

    struct Entry: Sendable {
        let name: String
        let kind: Kind
        let component: any Sendable
        /// Whether the health of the module hangs on it.
        let isCritical: Bool
        /// What takes the place of a policy's layers.
        let managed: ManagedPolicy?
        /// Of a pattern that documents can describe, registered for itself.
        let tuning: Tuning?
        /// Who decided that this is there.
        var origin = Origin.code
    }

    enum Origin {
        case code
        /// Made on first use: the document's defaults apply to it.
        case firstUse
        /// Described by the document: its defaults apply, and it goes when the document does not describe it any more.
        case document
    }

    private(set) var entries: [Key: Entry] = [:]
    private(set) var order: [Key] = []
    /// How many were made on first use.
    var made: Int { entries.values.count { $0.origin == .firstUse } }

    func component<Component>(_ type: Component.Type, _ name: String) -> Component? {
        entries[Key(type: ObjectIdentifier(type), name: name)]?.component as? Component
    }

    /// Adds an entry, unless there is one of that type and name.
    mutating func add(_ entry: Entry, _ type: Any.Type) -> Bool {
        let key = Key(type: ObjectIdentifier(type), name: entry.name)
        guard entries[key] == nil else { return false }
        entries[key] = entry
        order.append(key)
        return true
    }

    mutating func remove(_ key: Key) -> Entry? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        order.removeAll { $0 == key }
        return entry
    }

    var all: [Entry] { order.compactMap { entries[$0] } }

    func names(of kind: Kind) -> [String] { all.filter { $0.kind == kind }.map(\.name) }
}
