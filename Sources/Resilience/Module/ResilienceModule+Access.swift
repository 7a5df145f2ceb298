public import CircuitBreakers
public import ResilienceCore

extension ResilienceModule {
    /// What is registered under a type and a name.
    ///
    /// - Throws: ``UnknownNameError`` if there is nothing. Unlike the methods for the patterns it makes nothing.
    public func component<Component: Sendable>(
        _ type: Component.Type, _ name: String
    ) throws(UnknownNameError) -> Component {
        if let component = registry.withLock({ $0.component(type, name) }) { return component }
        throw unknown(Kind(title: "\(type)", section: nil), type, name)
    }

    /// The policy of a name; made from the defaults on first use, unless the module is strict.
    ///
    /// Keep it and use it for any number of calls: it passes the module's gate and follows changes of configuration.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered and may not be made.
    public func policy(_ name: String) throws -> Policy {
        if let policy = registry.withLock({ $0.component(Policy.self, name) }) { return policy }
        return try makeOnFirstUse(.policy, Policy.self, Registration(name, policy: makesPolicies))
    }

    /// The circuit breaker of a name: one that is registered, or is a layer of a registered policy; otherwise made from
    /// the defaults on first use, unless the module is strict.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func circuitBreaker(_ name: String) throws -> CircuitBreaker {
        try pattern(CircuitBreaker.self, name)
    }

    /// The names of the policies, in the order of registration.
    public var policyNames: [String] { registry.withLock { $0.names(of: .policy) } }

    func pattern<P: Pattern>(_ type: P.Type, _ name: String) throws -> P {
        let (found, managed) = registry.withLock { registry in
            (registry.component(type, name), registry.all.compactMap(\.managed))
        }
        if let found { return found }
        let layer = managed.lazy.flatMap { $0.pipeline.policy.strategies(type) }.first { $0.name == name }
        if let layer { return layer }
        return try makeOnFirstUse(P.kind, type, Registration(name, P.recipe(P.Settings.documentBase)))
    }

    private func makeOnFirstUse<Component: Sendable>(
        _ kind: Kind, _ type: Component.Type, _ registration: Registration
    ) throws -> Component {
        let name = registration.name
        guard registry.withLock({ $0.made }) < options.firstUse.limit else { throw unknown(kind, type, name) }
        var (entry, _) = try make(registration)
        entry.origin = .firstUse
        try applyDefaults(to: entry)
        // Made outside the lock; of two tasks that make one at the same time, the first to add it wins.
        let component = registry.withLock { registry -> Component? in
            if let existing = registry.component(type, name) { return existing }
            guard registry.made < options.firstUse.limit, registry.add(entry, type) else { return nil }
            events.post(.registered(module: self.name, kind: kind.title, name: name))
            return registry.component(type, name)
        }
        events.deliver()
        guard let component else { throw unknown(kind, type, name) }
        return component
    }

    private func unknown(_ kind: Kind, _ type: Any.Type, _ name: String) -> UnknownNameError {
        let (known, made) = registry.withLock { registry in
            (registry.order.filter { $0.type == ObjectIdentifier(type) }.map(\.name), registry.made)
        }
        return UnknownNameError(
            kind: kind.title, name: name, nearMisses: NearMiss.candidates(for: name, among: known, limit: 3),
            isLimitReached: options.firstUse.limit > 0 && made >= options.firstUse.limit)
    }
}
