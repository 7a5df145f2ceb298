public import ResilienceCore

extension PolicyFamily {
    /// A form of this family whose calls have a fallback, which knows the key of each call: last good values are kept
    /// by key.
    ///
    /// - Parameter fallback: The steps, perhaps shared with others. It keeps its name and its clock; the family's
    ///   observers hear its events.
    public func fallback<Value>(to fallback: KeyedFallback<Key, Value>) -> FallbackFamily<Key, Value> {
        for observer in settings.withLock({ $0.environment.observers }) { fallback.addObserver(observer) }
        return FallbackFamily(family: self, fallback: fallback)
    }
}

/// Policies of one kind, one for each key, for calls of one type, with a fallback. Made by
/// ``PolicyFamily/fallback(to:)``.
///
/// A value that is cheap to copy; copies share the family and the fallback.
public struct FallbackFamily<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// The policies.
    public let family: PolicyFamily<Key>

    /// The steps: their totals, their configuration and how to change it.
    public let fallback: KeyedFallback<Key, Value>

    /// The policy of a key, with the fallback.
    public subscript(_ key: Key) -> KeyedFallbackPolicy<Key, Value> {
        KeyedFallbackPolicy(inner: family[key], fallback: fallback)
    }

    /// Runs an operation under the policy of a key and, if it fails or is rejected, the steps of the fallback.
    ///
    /// - Throws: If no step answers, the error of the call, as a policy with a fallback does.
    public nonisolated(nonsending) func execute(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(for: key, accepting: isAccepted, operation)
    }

    /// Runs an operation that asks for its `Context` under the policy of a key, with the fallback.
    ///
    /// - Throws: If no step answers, the error of the call, as a policy with a fallback does.
    public nonisolated(nonsending) func execute(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(for: key, accepting: isAccepted, operation)
    }

    /// Runs an operation as `execute` does but never throws: returns a description of the call.
    public nonisolated(nonsending) func run(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(for: key, accepting: isAccepted, operation)
    }

    /// Runs an operation that asks for its `Context`, and returns a description of the call.
    public nonisolated(nonsending) func run(
        for key: Key, accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await self[key].run(for: key, accepting: isAccepted, operation)
    }

    /// Adds an observer of the family and of the fallback.
    public func addObserver(_ observer: any PolicyObserver) {
        family.addObserver(observer)
        fallback.addObserver(observer)
    }
}

extension FallbackFamily: MetricSource {
    /// Adds what the fallback and the family measure.
    public func collect(into metrics: inout MetricCollection) {
        metrics.collect(fallback)
        metrics.collect(family)
    }
}

extension FallbackFamily: PolicyCover {
    static var kind: Kind { .fallback }

    var own: any Sendable { fallback }

    /// A family, which is put behind the gate when it is registered, and the fallback around it.
    func entries(in parts: Registration.ModuleParts) -> [Registry.Entry] {
        [parts.entry(.family, family), parts.entry(.fallback, self, tuning: Tuning(fallback))]
    }
}

extension Registration {
    /// Policies of one kind, one for each key, with a fallback: a family and a fallback of the same name, made with the
    /// module's clock, randomness and observers.
    ///
    /// - Parameters:
    ///   - name: What the family and its fallback are called.
    ///   - key: What there is a policy for: a host, a tenant, a route. Last good values are kept by it.
    ///   - maxKeys: The most keys at once, 1 to 1 000 000.
    ///   - idleLimit: How long a policy that is not used is kept, at least 1 ns. Default: 10 minutes.
    ///   - type: What calls return.
    ///   - layers: The layers of each policy, as for `Policy`.
    ///   - steps: What is tried when a call fails, first to last.
    @inlinable
    public init<Key: Hashable & Sendable, S: Strategy, Value: Sendable>(
        family name: String, by key: Key.Type, maxKeys: Int, idleLimit: Duration = .seconds(600),
        for type: Value.Type, @PolicyBuilder layers: () -> Layer<S>,
        @FallbackBuilder<Key, Value> fallback steps: () -> KeyedFallback<Key, Value>.Steps
    ) {
        self.init(
            family: name, by: key, maxKeys: maxKeys, idleLimit: idleLimit, recipe: PolicyRecipe(layers()),
            KeyedFallback<Key, Value>.Configuration(steps: steps))
    }

    @usableFromInline
    init<Key: Hashable & Sendable, Value: Sendable>(
        family name: String, by key: Key.Type, maxKeys: Int, idleLimit: Duration, recipe: PolicyRecipe,
        _ configuration: KeyedFallback<Key, Value>.Configuration
    ) {
        self.init(name) { parts throws(ConfigurationError) in
            let fallback = try KeyedFallback<Key, Value>(configuration, of: parts)
            let family = try PolicyFamily<Key>(parts.environment, maxKeys: maxKeys, idleLimit: idleLimit, recipe)
            return family.fallback(to: fallback).entries(in: parts)
        }
    }
}

extension ResilienceModule {
    /// The family of policies with a fallback of a name, for calls of one type. Has to be registered.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other types.
    public func fallbackFamily<Key, Value>(
        _ name: String, for type: Value.Type, by key: Key.Type
    ) throws(UnknownNameError) -> FallbackFamily<Key, Value> {
        try existing(.fallback, name)
    }
}
