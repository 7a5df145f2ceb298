public import ResilienceCore

/// What hedges calls: a ``Hedge`` alone, and one around a policy.
public protocol HedgeCalling: Sendable {
    /// What every attempt runs under.
    associatedtype Inner: Strategy

    /// The hedge: its totals, its configuration and how to change it.
    var hedge: Hedge { get }

    /// What every attempt runs under.
    var inner: Inner { get }
}

extension HedgeCalling {
    /// Runs an operation, and runs it again beside itself if that takes long or fails.
    ///
    /// - Parameters:
    ///   - outer: The context of a call around this one, whose deadline and values are to hold inside. Default: none.
    ///   - isAccepted: Whether a returned value counts as success, beside what the policy declares. One that is not
    ///     accepted counts as a failure; if no attempt succeeds, that of the primary is returned.
    ///   - classify: As what failure a returned value counts for every layer; by default, none.
    ///   - release: Called once for each value that the operation returned and that the caller does not get, after all
    ///     attempts have ended.
    ///   - operation: The call to hedge.
    /// - Returns: The first accepted value; or the primary's, if it is not accepted and no other is.
    /// - Throws: What came of the primary, if no attempt succeeds: the operation's own error, or a layer's;
    ///   `CancellationError` if the caller cancelled before.
    public func execute<Value: Sendable>(
        within outer: Context? = nil,
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        releasing release: (@Sendable (Value) async -> Void)? = nil,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await execute(within: outer, accepting: isAccepted, failing: classify, releasing: release) { _ in
            try await operation()
        }
    }

    /// Runs an operation that asks for its `Context`: `context.hedge` says which attempt it is, and may choose another
    /// host. Otherwise the same as the form whose operation takes no argument.
    public func execute<Value: Sendable>(
        within outer: Context? = nil,
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        releasing release: (@Sendable (Value) async -> Void)? = nil,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async throws -> Value {
        try await hedge.call(
            inner, from: outer ?? inner.rootContext, .init(isAccepted: isAccepted, classify: classify), release,
            operation
        ).result.get()
    }

    /// Runs an operation as `execute` does but never throws: returns a description of the call, successful or not.
    public func run<Value: Sendable>(
        within outer: Context? = nil,
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        releasing release: (@Sendable (Value) async -> Void)? = nil,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Execution<Value> {
        await run(within: outer, accepting: isAccepted, failing: classify, releasing: release) { _ in
            try await operation()
        }
    }

    /// Runs an operation that asks for its `Context`, and returns a description of the call.
    public func run<Value: Sendable>(
        within outer: Context? = nil,
        accepting isAccepted: @escaping @Sendable (Value) -> Bool = { _ in true },
        failing classify: @escaping @Sendable (Value) -> (any Error)? = { _ in nil },
        releasing release: (@Sendable (Value) async -> Void)? = nil,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> Execution<Value> {
        await hedge.recordedCall(
            inner, from: outer ?? inner.rootContext, .init(isAccepted: isAccepted, classify: classify), release,
            operation)
    }
}
