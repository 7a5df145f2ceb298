internal import ResilienceCore

/// What names in the braces of registrations stand for: what the module holds, and what is registered along with them,
/// in any order.
final class ModuleNames: NamedComponents {
    private struct State {
        /// What is registered together, and is not in the module yet.
        var pending: [Registration?]
        var faults: [ConfigurationError.Fault] = []
        /// What was found. A family makes further members of the same things.
        var found: [Registry.Key: any Sendable] = [:]
    }

    private weak let module: ResilienceModule?
    private let state: Lock<State>

    init(_ module: ResilienceModule, adding registrations: [Registration] = []) {
        self.module = module
        state = Lock(State(pending: registrations))
    }

    /// Adds all registrations to the module.
    ///
    /// - Returns: The faults of those that could not be added.
    func addAll() -> [ConfigurationError.Fault] {
        let count = state.withLock { $0.pending.count }
        for place in 0..<count { add(place) }
        return state.withLock { $0.faults }
    }

    func component<Component: Sendable>(
        _ type: Component.Type, named name: String, field: String
    ) throws(ConfigurationError) -> Component {
        let kind = Kind.of(type)
        let key = Registry.Key(kind: kind, name: name)
        if let found: Component = find(key) { return found }
        // Places of the name first: what else is registered along with it only to learn what may have been meant.
        let places = state.withLock { state in
            let open = state.pending.indices.filter { state.pending[$0] != nil }
            return open.filter { state.pending[$0]?.name == name } + open.filter { state.pending[$0]?.name != name }
        }
        for place in places {
            add(place)
            if let found: Component = find(key) { return found }
        }
        let registry = module?.registry.withLock { $0 }
        if let other = registry?.entry(kind, name) {
            throw ConfigurationError(
                .init(
                    field: field, value: name.quotedName,
                    violation: "is registered as another type, \(Swift.type(of: other.component))"))
        }
        let question = NearMiss.question(for: name, among: registry?.names(of: kind) ?? [])
        throw ConfigurationError(
            .init(
                field: field, value: name.quotedName,
                violation: "is the name of no registered \(kind.title)\(question)"))
    }

    /// Adds a registration, unless that was done or is being done: a name inside it may be its own.
    private func add(_ place: Int) {
        let taken = state.withLock { state -> Registration? in
            defer { state.pending[place] = nil }
            return state.pending[place]
        }
        guard let taken, let module else { return }
        do {
            try module.add(taken, self)
        } catch {
            state.withLock { $0.faults += error.faults }
        }
    }

    private func find<Component: Sendable>(_ key: Registry.Key) -> Component? {
        if let known = state.withLock({ $0.found[key] }) { return known as? Component }
        guard let component = module?.registry.withLock({ $0.entry(key.kind, key.name) })?.component as? Component
        else { return nil }
        state.withLock { $0.found[key] = component }
        return component
    }
}
