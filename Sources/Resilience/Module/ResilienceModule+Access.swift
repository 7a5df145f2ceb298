public import ResilienceCore

extension ResilienceModule {
    // MARK: Policies

    /// The policy of a name; made from the defaults on first use, unless the module is strict.
    ///
    /// Keep it and use it for any number of calls: it passes the module's gate and follows changes of configuration.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered and may not be made.
    public func policy(_ name: String) throws -> Policy {
        if let policy: Policy = try registered(.policy, name) { return policy }
        return try makeOnFirstUse(.policy, name) { parts in
            [parts.policy(try self.options.defaultPolicy.policy(in: parts.environment)).entry]
        }
    }

    /// The family of policies of a name. Has to be registered: only code knows its keys and its layers.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other keys.
    public func family<Key>(_ name: String, by key: Key.Type) throws(UnknownNameError) -> PolicyFamily<Key> {
        try existing(.family, name)
    }

    // MARK: Anything

    /// What is registered under a type and a name.
    ///
    /// - Throws: ``UnknownNameError`` if there is nothing. Unlike the methods for the patterns it makes nothing.
    public func component<Component: Sendable>(
        _ type: Component.Type, _ name: String
    ) throws(UnknownNameError) -> Component {
        try existing(.of(type), name)
    }

    /// The names of the policies, in the order of registration.
    public var policyNames: [String] { registry.withLock { $0.names(of: .policy) } }

    // MARK: Looking up and making

    func existing<Component: Sendable>(_ kind: Kind, _ name: String) throws(UnknownNameError) -> Component {
        if let component: Component = try registered(kind, name) { return component }
        throw unknown(kind, name)
    }

    /// - Throws: That what has the name is of another type.
    func registered<Component: Sendable>(
        _ kind: Kind, _ name: String
    ) throws(UnknownNameError) -> Component? {
        guard let entry = registry.withLock({ $0.entry(kind, name) }) else { return nil }
        if let component = entry.component as? Component { return component }
        throw UnknownNameError(
            kind: kind.title, name: name, nearMisses: [], isLimitReached: false,
            registeredAs: "\(type(of: entry.component))")
    }

    func pattern<P: LayerPattern>(_ name: String) throws -> P {
        if let pattern: P = try registered(P.kind, name) { return pattern }
        let policies = registry.withLock { $0.all.compactMap(\.managed) }
        let layer = policies.lazy.flatMap { $0.pipeline.policy.strategies(P.self) }.first { $0.name == name }
        return try layer ?? makeOnFirstUse(of: P.self, name)
    }

    /// Makes something by the document's defaults.
    func makeOnFirstUse<P: Pattern>(of type: P.Type, _ name: String) throws -> P {
        try makeOnFirstUse(P.kind, name) { parts in
            let findings = Findings(documentEnvironment)
            let defaults = configuration.document["defaults"]?[P.documentKey]
            let readers = defaults.map { [ConfigurationReader(document: $0, findings)] } ?? []
            // What cannot do without settings of its own, such as the rate of a limiter, and has no default for them.
            guard let made = P.made(from: readers, findings, in: parts.environment) else {
                throw unknown(P.kind, name)
            }
            return [parts.entry(P.kind, made.component, tuning: made.tuning)]
        }
    }

    func makeOnFirstUse<Component: Sendable>(
        _ kind: Kind, _ name: String, _ make: (Registration.ModuleParts) throws -> [Registry.Entry]
    ) throws -> Component {
        guard registry.withLock({ $0.made }) < options.firstUse.limit else { throw unknown(kind, name) }
        let entries = try make(parts(named: name, origin: .firstUse))
        // Made outside the lock, by the configuration in force; of two tasks that make one at the same time, the first
        // to add it wins.
        let defaults = configuration
        for entry in entries { try applyDefaults(of: defaults, to: entry) }
        defer { events.deliver() }
        if case .added = add(entries, limit: options.firstUse.limit), configuration != defaults {
            // Another configuration came meanwhile, which did not know of this.
            try? putInForce(configuration, isSilent: true)
        }
        guard let component: Component = try registered(kind, name) else { throw unknown(kind, name) }
        return component
    }

    func unknown(_ kind: Kind, _ name: String) -> UnknownNameError {
        let (known, made) = registry.withLock { ($0.names(of: kind), $0.made) }
        return UnknownNameError(
            kind: kind.title, name: name, nearMisses: NearMiss.candidates(for: name, among: known, limit: 3),
            isLimitReached: options.firstUse.limit > 0 && made >= options.firstUse.limit, registeredAs: nil)
    }
}
