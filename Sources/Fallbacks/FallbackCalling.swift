public import ResilienceCore

/// What runs a call and, if that fails, the steps of a fallback: a ``KeyedFallback`` alone, and one around a policy.
public protocol FallbackCalling<Key, Value>: Sendable {
    /// What calls are about.
    associatedtype Key: Hashable & Sendable
    /// What calls return.
    associatedtype Value: Sendable
    /// What the operation runs under.
    associatedtype Inner: Strategy

    /// The steps.
    var fallback: KeyedFallback<Key, Value> { get }

    /// What the operation runs under.
    var inner: Inner { get }
}

extension FallbackCalling {
    /// Runs an operation and, if it fails or is rejected, the steps of the fallback, first to last, until one answers.
    ///
    /// The operation runs on the caller's actor; it may capture state of that actor. So do the steps, one at a time.
    ///
    /// - Parameters:
    ///   - key: What the call is about. Last good values are kept by it.
    ///   - outer: The context of a call around this one, whose deadline and values are to hold inside. Default: none.
    ///   - isAccepted: Whether a value that the operation returned counts as success, in addition to what the policy
    ///     declares. One that does not is a failure, `UnacceptedResultError` to the steps; if no step answers, it is
    ///     returned. Values of steps are not judged.
    ///   - operation: The call to protect.
    /// - Returns: The operation's value, or that of a step.
    /// - Throws: If no step answers, the error of the call, unchanged; or a ``FallbackExhaustedError``, if the
    ///   configuration asks for it. If the caller cancels, the error of the call, or `CancellationError` if the call
    ///   had failed before. A `CancellationError` that does not come from the caller is an error like any other.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func execute(
        for key: Key, within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        guard outer == nil, !inner._isGuarded else {
            let context = outer ?? inner.rootContext
            return try await servedNested(key, context, isAccepted, operation)
        }
        var unaccepted: Value?
        let cause: any Error
        let start = fallback.keeper.begin()
        do {
            let outcome = try await inner.outcome(accepting: isAccepted, operation)
            guard let failure = outcome.unaccepted else {
                fallback.noteSuccess(outcome.value, for: key, readAt: start)
                return outcome.value
            }
            unaccepted = outcome.value
            cause = UnacceptedResultError.showing(outcome.value, failure)
        } catch {
            cause = error
        }
        return try await fallback.serve(cause, unaccepted, key, inner.rootContext).value
    }

    /// Runs an operation that asks for its `Context`, otherwise as the form whose operation takes no argument.
    @inlinable
    public nonisolated(nonsending) func execute(
        for key: Key, within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await served(key, outer ?? inner.rootContext, isAccepted, operation, noting: { _ in }).value
    }

    /// Runs an operation as `execute` does but never throws: returns a description of the call, with the step that
    /// answered it in `servedBy` and the error for which the steps ran in `fallbackCause`.
    @inlinable
    public nonisolated(nonsending) func run(
        for key: Key, within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await recorded(key, outer ?? inner.rootContext, isAccepted) { _ in try await operation() }
    }

    /// Runs an operation that asks for its `Context`, and returns a description of the call.
    @inlinable
    public nonisolated(nonsending) func run(
        for key: Key, within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(key, outer ?? inner.rootContext, isAccepted, operation)
    }

    @inlinable @inline(never)
    nonisolated(nonsending) func servedNested(
        _ key: Key, _ context: Context, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await served(key, context, isAccepted, { _ in try await operation() }, noting: { _ in }).value
    }

    /// Runs the call, and the steps if need be. `note` gets the error for which they run. Where calls are not let in
    /// any more, neither runs.
    @inlinable
    nonisolated(nonsending) func served(
        _ key: Key, _ context: Context, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        noting note: (any Error) -> Void
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        guard let entrance = inner.entrance else {
            return try await servedWithin(key, context, isAccepted, operation, noting: note)
        }
        return try await entrance.admitting(inner.rootContext.policyName) {
            try await servedWithin(key, context, isAccepted, operation, noting: note)
        }
    }

    @inlinable
    nonisolated(nonsending) func servedWithin(
        _ key: Key, _ context: Context, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        noting note: (any Error) -> Void
    ) async throws -> (value: Value, unaccepted: (any Error)?) {
        var unaccepted: Value?
        let cause: any Error
        let start = fallback.keeper.begin()
        do {
            let outcome = try await inner.outcome(from: context, accepting: isAccepted, operation)
            guard let failure = outcome.unaccepted else {
                fallback.noteSuccess(outcome.value, for: key, readAt: start)
                return outcome
            }
            unaccepted = outcome.value
            cause = UnacceptedResultError.showing(outcome.value, failure)
        } catch {
            cause = error
        }
        return try await fallback.serve(cause, unaccepted, key, context, noting: note)
    }

    @usableFromInline
    nonisolated(nonsending) func recorded(
        _ key: Key, _ context: Context, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        let recording = CallRecording(
            inner.rootContext.policyName, from: context)
        var cause: (any Error)?
        let counted = { (context: Context) async throws -> Value in
            recording.countAttempt()
            return try await operation(context)
        }
        do {
            let outcome = try await served(key, recording.context, isAccepted, counted) { cause = $0 }
            return recording.execution(
                .success(outcome.value), unaccepted: outcome.unaccepted,
                fallbackCause: outcome.unaccepted == nil ? cause : nil)
        } catch {
            return recording.execution(.failure(error), fallbackCause: cause)
        }
    }

}

extension FallbackCalling where Key == NoKey {
    /// Runs an operation and, if it fails or is rejected, the steps of the fallback, first to last, until one answers.
    ///
    /// For fallbacks without a key.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func execute(
        within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await execute(for: NoKey(), within: outer, accepting: isAccepted, operation)
    }

    /// Runs an operation that asks for its `Context`, otherwise as the form whose operation takes no argument.
    @inlinable
    public nonisolated(nonsending) func execute(
        within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await served(NoKey(), outer ?? inner.rootContext, isAccepted, operation, noting: { _ in }).value
    }

    /// Runs an operation as `execute` does but never throws: returns a description of the call.
    @inlinable
    public nonisolated(nonsending) func run(
        within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async -> Execution<Value> {
        await recorded(NoKey(), outer ?? inner.rootContext, isAccepted) { _ in try await operation() }
    }

    /// Runs an operation that asks for its `Context`, and returns a description of the call.
    @inlinable
    public nonisolated(nonsending) func run(
        within outer: Context? = nil,
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async -> Execution<Value> {
        await recorded(NoKey(), outer ?? inner.rootContext, isAccepted, operation)
    }
}
