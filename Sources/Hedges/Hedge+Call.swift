internal import ResilienceCore

extension Hedge {
    /// Hedges an operation whose attempts go through a strategy. All of them are one call to what lets calls in.
    func call<Value: Sendable>(
        _ inner: some Strategy, from context: Context, _ rules: ValueRules<Value>,
        _ release: (@Sendable (Value) async -> Void)?,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> (result: Result<Value, any Error>, unaccepted: (any Error)?) {
        guard let entrance = inner.entrance else {
            return await callWithin(inner, from: context, rules, release, operation)
        }
        do {
            return try await entrance.admitting(inner.rootContext.policyName) {
                await callWithin(inner, from: context, rules, release, operation)
            }
        } catch {
            return (.failure(error), nil)
        }
    }

    /// The part of a call that knows its value.
    private func callWithin<Value: Sendable>(
        _ inner: some Strategy, from context: Context, _ rules: ValueRules<Value>,
        _ release: (@Sendable (Value) async -> Void)?,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> (result: Result<Value, any Error>, unaccepted: (any Error)?) {
        let values = ReturnedValues<Value>()
        let call = HedgedCall(hedge: self, context: context) { context in
            let number = context.attempt
            var isBegun = false
            do {
                // What a layer inside loses is given back at once: what it holds is free during the layer's delay.
                let outcome = try await inner.outcome(
                    from: context, accepting: rules.isAccepted, failing: rules.classify,
                    releasing: { (_: Value) in
                        if let value = values.take(of: number) { await release?(value) }
                    },
                    { context in
                        isBegun = true
                        let value = try await operation(context)
                        values.append(value, of: number)
                        return value
                    })
                let hint = outcome.unaccepted.flatMap { ServerHint($0) ?? ServerHint(value: outcome.value) }
                return AttemptOutcome(error: nil, unaccepted: outcome.unaccepted, isBegun: isBegun, hint: hint)
            } catch {
                return AttemptOutcome(error: error, unaccepted: nil, isBegun: isBegun, hint: ServerHint(error))
            }
        }
        let verdict = await call.run()
        let value = verdict.error == nil ? values.take(of: verdict.attempt) : nil
        if let release {
            for unused in values.takeAll() { await release(unused) }
        }
        guard let value else { return (.failure(verdict.error ?? CancellationError()), nil) }
        return (.success(value), verdict.unaccepted)
    }

    /// The same, and everything that there is to know about the call.
    func recordedCall<Value: Sendable>(
        _ inner: some Strategy, from context: Context, _ rules: ValueRules<Value>,
        _ release: (@Sendable (Value) async -> Void)?,
        _ operation: @escaping @Sendable (Context) async throws -> Value
    ) async -> Execution<Value> {
        let recording = CallRecording(name, from: context)
        let (result, unaccepted) = await call(inner, from: recording.context, rules, release) { context in
            recording.countAttempt()
            return try await operation(context)
        }
        return recording.execution(result, unaccepted: unaccepted)
    }
}

/// Which values of a call count as failures, and as which.
struct ValueRules<Value: Sendable>: Sendable {
    let isAccepted: @Sendable (Value) -> Bool
    let classify: @Sendable (Value) -> (any Error)?
}

/// The values that the attempts of a call returned.
///
/// An attempt may return several, where a layer inside runs the operation again; the last is the attempt's.
private final class ReturnedValues<Value: Sendable>: Sendable {
    private let values = Lock<[(attempt: Int, value: Value)]>([])

    func append(_ value: Value, of attempt: Int) {
        values.withLock { $0.append((attempt, value)) }
    }

    func take(of attempt: Int) -> Value? {
        values.withLock { values in
            values.lastIndex { $0.attempt == attempt }.map { values.remove(at: $0).value }
        }
    }

    func takeAll() -> [Value] {
        values.withLock { values in
            defer { values = [] }
            return values.map(\.value)
        }
    }
}
