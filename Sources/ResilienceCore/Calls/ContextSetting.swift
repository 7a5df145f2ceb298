extension Strategy {
    /// The same strategy, whose calls carry a value in their ``Context``: a priority, a tenant, a number of permits.
    ///
    /// ```swift
    /// let urgent = bulkhead.setting(Bulkhead.Priority.self, to: .high)
    /// ```
    ///
    /// Cheap to make and to keep: the state of the layers is shared. A value set in an outer layer is replaced.
    public func setting<Key: ContextKey>(_ key: Key.Type, to value: Key.Value) -> ContextSetting<Self> {
        ContextSetting(base: self, values: [ObjectIdentifier(key): value])
    }
}

/// A strategy whose calls carry values in their ``Context``. Made by ``Strategy/setting(_:to:)``.
public struct ContextSetting<Base: Strategy>: StrategyWrapper {
    /// The strategy inside.
    public let base: Base
    /// Made once, so that a call which starts here allocates nothing for it.
    @usableFromInline let extras: ContextExtras

    init(base: Base, values: [ObjectIdentifier: any Sendable]) {
        self.base = base
        // The context of a base that sets values itself is the one to start from.
        self.extras = (base.rootContext.extras ?? .none).adding(values)
        added = values
    }

    private let added: [ObjectIdentifier: any Sendable]

    /// The same with a further value.
    public func setting<Key: ContextKey>(_ key: Key.Type, to value: Key.Value) -> ContextSetting<Base> {
        var values = added
        values[ObjectIdentifier(key)] = value
        return ContextSetting(base: base, values: values)
    }

    /// The context of the strategy inside, with the values.
    @inlinable public var rootContext: Context {
        var context = base.rootContext
        context.extras = extras
        return context
    }

    /// Runs the strategy inside, with the values set.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await base.execute(context.extras === extras ? context : setting(in: context), next)
    }

    @usableFromInline
    func setting(in context: Context) -> Context {
        var context = context
        context.extras = (context.extras ?? .none).adding(added)
        return context
    }
}

extension Policy {
    /// The same policy, whose calls carry a value in their ``Context``: a priority, a tenant, a number of permits.
    ///
    /// ```swift
    /// let receipt = try await payments.setting(Tenant.self, to: "acme").execute { try await gateway.charge(order) }
    /// ```
    ///
    /// A policy like the one it is made from: it can be hedged, has the same rules for values, and passes the same
    /// gate. Cheap to make and to keep: the state of the layers is shared. A value set in an outer layer is replaced.
    public func setting<Key: ContextKey>(_ key: Key.Type, to value: Key.Value) -> Policy {
        with(preset: (preset ?? .none).adding([ObjectIdentifier(key): value]))
    }
}
