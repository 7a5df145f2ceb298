extension Strategy {
    /// Runs an operation under this strategy and returns its value.
    ///
    /// The operation runs on the caller's actor; it may capture state of that actor and return a value that is not
    /// `Sendable`.
    ///
    /// - Parameters:
    ///   - isAccepted: Whether a returned value counts as success. A value that is not accepted counts as a failure for
    ///     every layer; if it is still the outcome in the end, it is returned, not thrown away. Applies in addition to
    ///     what ``Policy/accepting(_:where:)`` declared. By default, every value is accepted.
    ///   - operation: The call to protect.
    /// - Returns: The value of the last run of the operation.
    /// - Throws: The operation's own error, unchanged; a ``PolicyRejection`` if a layer refused the call; or another
    ///   error of a layer.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func execute<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        guard !_isGated else { return try await executeBehindGate(isAccepted, operation) }
        var passage = Passage()
        return try await pass(&passage, isAccepted, operation)
    }

    /// Runs an operation that asks for its ``Context``: the attempt number, the deadline, the policy's name.
    ///
    /// Otherwise the same as the form whose operation takes no argument.
    @inlinable @inline(__always)
    public nonisolated(nonsending) func execute<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        guard !_isGated else { return try await executeBehindGate(isAccepted, operation) }
        var passage = Passage()
        return try await pass(&passage, isAccepted, operation)
    }

    /// Runs an operation and, if the call fails or is rejected, a fallback with the error.
    ///
    /// The fallback does not run when the caller cancelled: cancellation is not a failure. For a value that was not
    /// accepted it gets ``UnacceptedResultError``.
    ///
    /// - Throws: What the fallback throws, or the error of a cancelled call.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) () async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await call(rootContext, isAccepted, { _ in try await operation() }, fallback)
    }

    /// Runs an operation that asks for its ``Context`` and, if the call fails or is rejected, a fallback with the
    /// error.
    ///
    /// Otherwise the same as the form whose operation takes no argument.
    @inlinable
    public nonisolated(nonsending) func execute<Value>(
        accepting isAccepted: (Value) -> Bool = { _ in true },
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        try await call(rootContext, isAccepted, operation, fallback)
    }

    /// Runs an operation from a context other than ``rootContext``: with a deadline, for example.
    package nonisolated(nonsending) func execute<Value>(
        from context: Context,
        accepting isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        try await call(context, isAccepted, operation)
    }

    /// Runs the operation; a value that survives although it was not accepted is returned.
    @inlinable
    nonisolated(nonsending) func call<Value>(
        _ context: Context,
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        var latest: Value?
        do {
            try await attempt(context, isAccepted, into: &latest, operation)
        } catch {
            guard let value = UnacceptedResultError.value(in: error, orElse: latest) else { throw error }
            return value
        }
        guard let latest else { throw OperationNotRunError(policyName: context.policyName) }
        return latest
    }

    /// Runs the operation, and the fallback for every error but the caller's cancellation. Where calls are not let in
    /// any more, neither runs.
    @inlinable
    nonisolated(nonsending) func call<Value>(
        _ context: Context,
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        _ fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        guard let entrance else { return try await callWithin(context, isAccepted, operation, fallback) }
        return try await entrance.admitting(context.policyName) {
            try await callWithin(context, isAccepted, operation, fallback)
        }
    }

    @inlinable
    nonisolated(nonsending) func callWithin<Value>(
        _ context: Context,
        _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value,
        _ fallback: nonisolated(nonsending) (any Error) async throws -> Value
    ) async throws -> Value {
        var value: Value?
        do {
            try await attempt(context, isAccepted, into: &value, operation)
        } catch {
            if context.isCancelledByCaller { throw error }
            // What keeps the error, a breaker for example, need not keep the value.
            defer { _ = UnacceptedResultError.value(in: error, orElse: Value?.none) }
            return try await fallback(error)
        }
        guard let value else { throw OperationNotRunError(policyName: context.policyName) }
        return value
    }

    /// Runs the pipeline; the innermost closure keeps the value and judges it.
    @inlinable
    nonisolated(nonsending) func attempt<Value>(
        _ context: Context,
        _ isAccepted: (Value) -> Bool,
        into latest: inout Value?,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws {
        try await execute(context) { context in
            try context.judge(try await operation(context), isAccepted, into: &latest)
        }
    }
}

extension Strategy {
    /// The way of a call: enters all layers, outermost first, runs the operation, and leaves them, innermost first.
    @inlinable @inline(__always)
    nonisolated(nonsending) func pass<Value>(
        _ passage: inout Passage, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var obstacle: (any Error)?
        let entered = _enter(&passage, at: 0, &obstacle)
        guard entered == _depth else {
            let position = leaving(&passage, entered, &obstacle)
            if position == .left, let obstacle { throw obstacle }
            return try await goOn(&passage, position, obstacle, isAccepted, operation)
        }
        let value: Value
        do {
            value = try await operation()
        } catch {
            obstacle = error
            let position = leaving(&passage, entered, &obstacle)
            if position == .left { return try UnacceptedResultError.outcome(of: obstacle ?? error) }
            return try await goOn(&passage, position, obstacle, isAccepted, operation)
        }
        if let failure = isAccepted(value) ? _failure(of: value) : UnacceptedResultError.unjudged {
            obstacle = UnacceptedResultError.holding(consume value, failure)
            let position = leaving(&passage, entered, &obstacle)
            if position == .left, let obstacle { return try UnacceptedResultError.outcome(of: obstacle) }
            return try await goOn(&passage, position, obstacle, isAccepted, operation)
        }
        _leave(&passage, at: 0)
        return value
    }

    /// The same for an operation that asks for its context.
    @inlinable @inline(__always)
    nonisolated(nonsending) func pass<Value>(
        _ passage: inout Passage, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        var obstacle: (any Error)?
        let entered = _enter(&passage, at: 0, &obstacle)
        guard entered == _depth else {
            let position = leaving(&passage, entered, &obstacle)
            if position == .left, let obstacle { throw obstacle }
            return try await goOn(&passage, position, obstacle, isAccepted, operation)
        }
        let value: Value
        do {
            value = try await operation(_inside(&passage, at: 0, rootContext))
        } catch {
            obstacle = error
            let position = leaving(&passage, entered, &obstacle)
            if position == .left { return try UnacceptedResultError.outcome(of: obstacle ?? error) }
            return try await goOn(&passage, position, obstacle, isAccepted, operation)
        }
        if let failure = isAccepted(value) ? _failure(of: value) : UnacceptedResultError.unjudged {
            obstacle = UnacceptedResultError.holding(consume value, failure)
            let position = leaving(&passage, entered, &obstacle)
            if position == .left, let obstacle { return try UnacceptedResultError.outcome(of: obstacle) }
            return try await goOn(&passage, position, obstacle, isAccepted, operation)
        }
        _leave(&passage, at: 0)
        return value
    }

    /// The rest of a call that met an obstacle, which is a matter of one of the layers: it has to wait, or it does
    /// something about an error.
    ///
    /// - Parameters:
    ///   - position: The layer.
    ///   - obstacle: The error; `nil` if the layer has to wait.
    @inlinable @inline(never)
    nonisolated(nonsending) func goOn<Value>(
        _ passage: inout Passage, _ position: Int, _ obstacle: (any Error)?, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        let context = rootContext
        var latest: Value?
        do {
            try await _resume(&passage, at: 0, position, obstacle, context) { context in
                try context.judge(try await operation(), isAccepted, into: &latest)
            }
        } catch {
            return try UnacceptedResultError.outcome(of: error, latest)
        }
        guard let latest else { throw OperationNotRunError(policyName: context.policyName) }
        return latest
    }

    /// The same for an operation that asks for its context.
    @inlinable @inline(never)
    nonisolated(nonsending) func goOn<Value>(
        _ passage: inout Passage, _ position: Int, _ obstacle: (any Error)?, _ isAccepted: (Value) -> Bool,
        _ operation: nonisolated(nonsending) (Context) async throws -> Value
    ) async throws -> Value {
        let context = rootContext
        var latest: Value?
        do {
            try await _resume(&passage, at: 0, position, obstacle, context) { context in
                try context.judge(try await operation(context), isAccepted, into: &latest)
            }
        } catch {
            return try UnacceptedResultError.outcome(of: error, latest)
        }
        guard let latest else { throw OperationNotRunError(policyName: context.policyName) }
        return latest
    }

    /// Leaves layers because of an error, if there is one. Returns the layer that goes on.
    @inlinable @inline(never)
    func leaving(_ passage: inout Passage, _ entered: Int, _ obstacle: inout (any Error)?) -> Int {
        leaving(&passage, entered, &obstacle, rootContext)
    }

    @inlinable
    func leaving(
        _ passage: inout Passage, _ entered: Int, _ obstacle: inout (any Error)?, _ context: Context
    ) -> Int {
        guard var error = obstacle else { return entered }
        let position = _fail(&passage, at: 0, entered: entered, &error, context)
        obstacle = error
        return position
    }
}

extension UnacceptedResultError {
    /// What a caller gets of a call that ended with an error: the value, if the error is only that it was not accepted.
    @inlinable @inline(never)
    static func outcome<Value>(of error: any Error, _ latest: Value? = nil) throws -> Value {
        guard let value = value(in: error, orElse: latest) else { throw error }
        return value
    }

    @inlinable @inline(never)
    package static func holding<Value>(_ value: consuming Value, _ failure: any Error) -> any Error {
        if let thrown = ThrownFailure.error(failure) { return thrown }
        return UnacceptedResultError(holding: HeldValue(value), failure)
    }
}

extension Context {
    /// Keeps the value that an operation returned.
    ///
    /// - Throws: ``UnacceptedResultError`` if it does not count as success. The value is in that then, and nowhere
    ///   else, so that a layer which runs the operation again can let go of it first.
    @inlinable
    func judge<Value>(_ value: Value, _ isAccepted: (Value) -> Bool, into latest: inout Value?) throws {
        latest = value
        if let failure = isAccepted(value) ? failure(of: value) : UnacceptedResultError.unjudged {
            latest = nil
            throw UnacceptedResultError.holding(value, failure)
        }
    }

    /// The same, with what to do with a value that was not accepted and that the caller does not get.
    @inlinable
    func judge<Value>(
        _ value: Value, _ isAccepted: (Value) -> Bool, _ classify: (Value) -> (any Error)?,
        into latest: inout Value?,
        releasing release: nonisolated(nonsending) @escaping (Value) async -> Void
    ) throws {
        latest = value
        let unaccepted = isAccepted(value) ? nil : UnacceptedResultError.unjudged
        if let failure = unaccepted ?? classify(value) ?? failure(of: value) {
            latest = nil
            throw ThrownFailure.error(failure)
                ?? UnacceptedResultError(holding: ReleasableValue(value, release), failure)
        }
    }
}
