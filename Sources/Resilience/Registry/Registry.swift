internal import ResilienceCore

/// What a module holds, by kind and name, in the order of registration. A pure value.
struct Registry {
    struct Key: Hashable {
        let kind: Kind
        let name: String
    }

    struct Entry: Sendable {
        let name: String
        let kind: Kind
        let component: any Sendable
        /// Whether the health of the module hangs on it.
        let isCritical: Bool
        /// What takes the place of a policy's layers.
        var managed: ManagedPolicy?
        /// Of something that documents can describe, registered for itself.
        var tuning: Tuning?
        /// What decided that this is there.
        var origin = Origin.code

        var key: Key { Key(kind: kind, name: name) }

        /// A family of policies, if it is one.
        var family: (any ManagedFamily)? { component as? any ManagedFamily }
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
    /// Counts changes, so that code that worked something out from the entries can tell whether they are still the
    /// same.
    private(set) var version = 0
    /// The observers of what is there and of what is made from now on; all of them are objects.
    private(set) var observers: [any PolicyObserver]

    init(_ observers: [any PolicyObserver]) {
        self.observers = observers.map(ObserverBox.boxed)
    }

    /// How many were made on first use.
    var made: Int { entries.values.count { $0.origin == .firstUse } }

    func entry(_ kind: Kind, _ name: String) -> Entry? { entries[Key(kind: kind, name: name)] }

    enum Addition {
        case added
        /// The name of this one is taken by something of its kind.
        case taken(Entry)
        /// As many have been made on first use as may be.
        case full
    }

    /// Adds entries, all or none.
    ///
    /// - Parameter limit: How many there may be that were made on first use.
    mutating func add(_ new: [Entry], limit: Int = .max) -> Addition {
        if let taken = new.first(where: { entries[$0.key] != nil }) { return .taken(taken) }
        guard limit == .max || made + new.count <= limit else { return .full }
        for entry in new {
            entries[entry.key] = entry
            order.append(entry.key)
        }
        version += 1
        return .added
    }

    mutating func remove(_ key: Key) -> Entry? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        order.removeAll { $0 == key }
        version += 1
        return entry
    }

    mutating func add(_ observer: any PolicyObserver) {
        guard !observers.contains(where: { $0 as AnyObject === observer as AnyObject }) else { return }
        observers.append(observer)
    }

    var all: [Entry] { order.compactMap { entries[$0] } }

    func names(of kind: Kind) -> [String] { order.filter { $0.kind == kind }.map(\.name) }
}

extension Registry.Entry {
    /// Adds an observer; one that hears already is not added again.
    func addObserver(_ observer: any PolicyObserver) {
        if let component = component as? any Component {
            component.addObserver(observer)
        } else {
            (component as? any Strategy)?.addObserver(observer)
        }
    }
}
