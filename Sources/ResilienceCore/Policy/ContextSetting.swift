extension Strategy {
    /// The same strategy, whose calls carry a value in their ``Context``: a priority, a tenant, a number of permits.
    ///
    /// ```swift
    /// let receipt = try await payments.setting(Tenant.self, to: "acme").execute { try await gateway.charge(order) }
    /// ```
    ///
    /// Cheap to make and to keep: the state of the layers is shared. A value set in an outer layer is replaced.
    public func setting<Key: ContextKey>(_ key: Key.Type, to value: Key.Value) -> ContextSetting<Self> {
        ContextSetting(base: self, values: [ObjectIdentifier(key): value])
    }
}

/// A strategy whose calls carry values in their ``Context``. Made by ``Strategy/setting(_:to:)``.
public struct ContextSetting<Base: Strategy>: Strategy {
    @usableFromInline let base: Base
    /// Made once, so that a call which starts here allocates nothing for it.
    @usableFromInline let extras: ContextExtras

    init(base: Base, values: [ObjectIdentifier: any Sendable]) {
        self.base = base
        self.extras = ContextExtras(values: values)
    }

    /// The same with a further value.
    public func setting<Key: ContextKey>(_ key: Key.Type, to value: Key.Value) -> ContextSetting<Base> {
        var values = extras.values
        values[ObjectIdentifier(key)] = value
        return ContextSetting(base: base, values: values)
    }

    /// The context of the strategy inside, with the values.
    @inlinable public var rootContext: Context { setting(in: base.rootContext) }

    /// Runs the strategy inside, with the values set.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await base.execute(context.extras === extras ? context : setting(in: context), next)
    }

    /// The layers of the strategy inside.
    public var layers: [LayerDescription] { base.layers }

    /// Adds the observer to the strategy inside.
    public func addObserver(_ observer: any PolicyObserver) { base.addObserver(observer) }

    @usableFromInline
    func setting(in context: Context) -> Context {
        var context = context
        context.extras = context.extras?.adding(extras.values) ?? extras
        return context
    }
}
