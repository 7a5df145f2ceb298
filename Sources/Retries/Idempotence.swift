public import ResilienceCore

extension Strategy {
    /// The same strategy, for calls of which it is known whether running them twice does no harm.
    ///
    /// Retries in it go by this instead of ``Retry/Configuration/isIdempotent``.
    public func idempotent(_ isIdempotent: Bool) -> ContextSetting<Self> {
        setting(Idempotence.self, to: isIdempotent)
    }
}

extension Policy {
    /// The same policy, for calls of which it is known whether running them twice does no harm.
    ///
    /// Retries in it go by this instead of ``Retry/Configuration/isIdempotent``.
    ///
    /// ```swift
    /// let receipt = try await payments.idempotent(order.hasKey).execute { try await gateway.charge(order) }
    /// ```
    public func idempotent(_ isIdempotent: Bool) -> Policy {
        setting(Idempotence.self, to: isIdempotent)
    }
}

extension PolicyWrapper {
    /// The same, for calls of which it is known whether running them twice does no harm.
    public func idempotent(_ isIdempotent: Bool) -> Self {
        setting(Idempotence.self, to: isIdempotent)
    }
}

/// The key under which it is known whether a call is idempotent.
enum Idempotence: ContextKey { typealias Value = Bool }
