public import ResilienceCore

extension Kind {
    static let fallback = Kind(.fallback, "fallback", section: "fallbacks")
}

/// Only code can make one, because it alone knows the steps. Which numbers a document can give shows where it is used.
extension KeyedFallback: Tunable, Component {
    static var kind: Kind { .fallback }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    static func checkForm(_ reader: ConfigurationReader) {}

    static var outline: DocumentOutline? { nil }

    static var schema: ConfigurationValue {
        [
            "type": "object", "additionalProperties": false,
            "properties": [
                "exhaustion": ["enum": .array(Exhaustion.allCases.map { .word($0) })],
                "steps": ["type": "object", "additionalProperties": Step.schema],
            ],
        ]
    }
}

/// What a module holds of a fallback: the policy whose calls it is for along with it.
extension KeyedFallbackPolicy: PolicyCover {
    static var kind: Kind { .fallback }

    var own: any Sendable { fallback }

    func entries(in parts: Registration.ModuleParts) -> [Registry.Entry] {
        let (entry, policy) = parts.policy(policy)
        return [entry, policy.fallback(to: fallback).entry(in: parts)]
    }

    /// The entry of the fallback alone, whose policy is behind the gate already.
    fileprivate func entry(in parts: Registration.ModuleParts) -> Registry.Entry {
        parts.entry(.fallback, self, tuning: Tuning(fallback))
    }
}

extension Registration {
    /// A fallback for itself, made from its steps with the module's clock and observers.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - type: What calls return.
    ///   - steps: What is tried, first to last.
    public init<Value: Sendable>(
        fallback name: String, for type: Value.Type,
        @FallbackBuilder<NoKey, Value> steps: () -> Fallback<Value>.Steps
    ) {
        self.init(fallback: name, Fallback<Value>.Configuration(steps: steps))
    }

    /// A fallback for itself, made from its configuration with the module's clock and observers.
    public init<Key, Value>(fallback name: String, _ configuration: KeyedFallback<Key, Value>.Configuration) {
        self.init(name) { parts throws(ConfigurationError) in
            [parts.entry(of: try KeyedFallback<Key, Value>(configuration, of: parts))]
        }
    }

    /// A policy for calls of one type, with a fallback: a fallback and a policy of the same name.
    ///
    /// - Parameters:
    ///   - name: The name of the policy and of its fallback.
    ///   - type: What calls return.
    ///   - layers: As for `Policy`.
    ///   - steps: What is tried when a call fails, first to last.
    @inlinable
    public init<S: Strategy, Value: Sendable>(
        _ name: String, for type: Value.Type, @PolicyBuilder layers: () -> Layer<S>,
        @FallbackBuilder<NoKey, Value> fallback steps: () -> Fallback<Value>.Steps
    ) {
        let recipe = PolicyRecipe(layers())
        self.init(name, recipe: recipe, Fallback<Value>.Configuration(steps: steps))
    }

    @usableFromInline
    init<Value: Sendable>(_ name: String, recipe: PolicyRecipe, _ configuration: Fallback<Value>.Configuration) {
        self.init(name) { parts throws(ConfigurationError) in
            let fallback = try Fallback<Value>(configuration, of: parts)
            let (entry, policy) = parts.policy(try recipe.policy(in: parts.environment))
            return [entry, policy.fallback(to: fallback).entry(in: parts)]
        }
    }
}

extension KeyedFallback {
    /// - Throws: All faults, each starting with the name of the registration.
    convenience init(_ configuration: Configuration, of parts: Registration.ModuleParts) throws(ConfigurationError) {
        do throws(ConfigurationError) {
            try self.init(configuration, in: parts.environment)
        } catch {
            throw error.prefixed(parts.environment.name)
        }
    }
}

extension ResilienceModule {
    /// The policy with a fallback of a name, for calls of one type. Has to be registered: only code knows the steps.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for another type.
    public func fallbackPolicy<Value: Sendable>(
        _ name: String, for type: Value.Type
    ) throws(UnknownNameError) -> FallbackPolicy<Value> {
        try existing(.fallback, name)
    }

    /// The policy with a fallback of a name, for calls of one type that name a key. Has to be registered.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other types.
    public func fallbackPolicy<Key, Value>(
        _ name: String, for type: Value.Type, by key: Key.Type
    ) throws(UnknownNameError) -> KeyedFallbackPolicy<Key, Value> {
        try existing(.fallback, name)
    }

    /// The fallback of a name, for calls of one type: one that is registered for itself, or that of a policy with a
    /// fallback. Has to be registered: only code knows the steps.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for another type.
    public func fallback<Value: Sendable>(
        _ name: String, for type: Value.Type
    ) throws(UnknownNameError) -> Fallback<Value> {
        try fallback(name, for: type, by: NoKey.self)
    }

    /// The fallback of a name, for calls of one type that name a key. Has to be registered.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other types.
    public func fallback<Key, Value>(
        _ name: String, for type: Value.Type, by key: Key.Type
    ) throws(UnknownNameError) -> KeyedFallback<Key, Value> {
        let component = registry.withLock { $0.entry(.fallback, name) }?.component
        if let fallback = (component as? any PolicyCover)?.own as? KeyedFallback<Key, Value> { return fallback }
        return try existing(.fallback, name)
    }
}
