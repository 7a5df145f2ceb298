public import ResilienceCore

extension Strategy {
    /// The same strategy, for calls of which it is known whether running them twice does no harm.
    ///
    /// Retries in it go by this instead of ``Retry/Configuration/isIdempotent``.
    ///
    /// ```swift
    /// let receipt = try await payments.idempotent(order.hasKey).execute { try await gateway.charge(order) }
    /// ```
    public func idempotent(_ isIdempotent: Bool) -> some Strategy {
        IdempotenceMark(base: self, isIdempotent: isIdempotent)
    }
}

/// The key under which it is known whether a call is idempotent.
enum Idempotence: ContextKey { typealias Value = Bool }

private struct IdempotenceMark<Base: Strategy>: Strategy {
    let base: Base
    let isIdempotent: Bool

    nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        var context = context
        context[Idempotence.self] = isIdempotent
        try await base.execute(context, next)
    }

    var rootContext: Context { base.rootContext }
    var layers: [LayerDescription] { base.layers }
    func addObserver(_ observer: any PolicyObserver) { base.addObserver(observer) }
}
