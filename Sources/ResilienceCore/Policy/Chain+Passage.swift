/// The synchronous way through two strategies: outwards in, and inwards out.
extension Chain {
    /// The number of layers.
    @_documentation(visibility: internal)
    @inlinable public var _depth: Int { outer._depth &+ inner._depth }

    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { outer._size &+ inner._size }

    /// Whether the context is the same inside.
    @_documentation(visibility: internal)
    @inlinable public var _isTransparent: Bool { outer._isTransparent && inner._isTransparent }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    @inlinable
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let entered = outer._enter(&passage, at: offset, &refusal)
        guard entered == outer._depth else { return entered }
        return entered &+ inner._enter(&passage, at: offset &+ outer._size, &refusal)
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    @inlinable
    public func _leave(_ passage: inout Passage, at offset: Int) {
        inner._leave(&passage, at: offset &+ outer._size)
        outer._leave(&passage, at: offset)
    }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    @inlinable
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        let depth = outer._depth
        guard entered >= depth else {
            return outer._fail(&passage, at: offset, entered: entered, &error, context)
        }
        let inside = outer._isTransparent ? context : outer._inside(&passage, at: offset, context)
        let position = inner._fail(
            &passage, at: offset &+ outer._size, entered: entered - depth, &error, inside)
        guard position == .left else { return depth + position }
        return outer._fail(&passage, at: offset, entered: depth, &error, context)
    }

    /// Goes on with a call, nested.
    @_documentation(visibility: internal)
    @inlinable
    public nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        var position = position
        var failure = error
        if position >= outer._depth {
            let inside = outer._isTransparent ? context : outer._inside(&passage, at: offset, context)
            do {
                try await inner._resume(
                    &passage, at: offset &+ outer._size, position - outer._depth, error, inside, next)
            } catch {
                var error = error
                position = outer._fail(&passage, at: offset, entered: outer._depth, &error, context)
                guard position != .left else { throw error }
                failure = error
            }
            if position >= outer._depth { return outer._leave(&passage, at: offset) }
        }
        try await outer._resume(&passage, at: offset, position, failure, context) { context in
            try await inner.execute(context, next)
        }
    }

    /// What there is to tell of the call.
    @_documentation(visibility: internal)
    @inlinable
    public func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        let depth = outer._depth
        outer._describe(
            &passage, at: offset, entered: min(entered, depth), isRefused: isRefused && entered < depth, &reports)
        guard entered >= depth else { return }
        inner._describe(
            &passage, at: offset &+ outer._size, entered: entered &- depth, isRefused: isRefused, &reports)
    }

    /// The context inside.
    @_documentation(visibility: internal)
    @inlinable
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        guard !_isTransparent else { return context }
        let context = outer._inside(&passage, at: offset, context)
        return inner._inside(&passage, at: offset &+ outer._size, context)
    }
}

/// The synchronous way through the strategy that is there. Which one it is does not change.
extension Either {
    /// The number of layers.
    @_documentation(visibility: internal)
    @inlinable public var _depth: Int {
        switch self {
        case .first(let strategy): strategy._depth
        case .second(let strategy): strategy._depth
        }
    }

    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int {
        switch self {
        case .first(let strategy): strategy._size
        case .second(let strategy): strategy._size
        }
    }

    /// Whether the context is the same inside.
    @_documentation(visibility: internal)
    @inlinable public var _isTransparent: Bool {
        switch self {
        case .first(let strategy): strategy._isTransparent
        case .second(let strategy): strategy._isTransparent
        }
    }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    @inlinable
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        switch self {
        case .first(let strategy): strategy._enter(&passage, at: offset, &refusal)
        case .second(let strategy): strategy._enter(&passage, at: offset, &refusal)
        }
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    @inlinable
    public func _leave(_ passage: inout Passage, at offset: Int) {
        switch self {
        case .first(let strategy): strategy._leave(&passage, at: offset)
        case .second(let strategy): strategy._leave(&passage, at: offset)
        }
    }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    @inlinable
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        switch self {
        case .first(let strategy): strategy._fail(&passage, at: offset, entered: entered, &error, context)
        case .second(let strategy): strategy._fail(&passage, at: offset, entered: entered, &error, context)
        }
    }

    /// Goes on with a call, nested.
    @_documentation(visibility: internal)
    @inlinable
    public nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        switch self {
        case .first(let strategy): try await strategy._resume(&passage, at: offset, position, error, context, next)
        case .second(let strategy): try await strategy._resume(&passage, at: offset, position, error, context, next)
        }
    }

    /// What there is to tell of the call.
    @_documentation(visibility: internal)
    @inlinable
    public func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        switch self {
        case .first(let strategy):
            strategy._describe(&passage, at: offset, entered: entered, isRefused: isRefused, &reports)
        case .second(let strategy):
            strategy._describe(&passage, at: offset, entered: entered, isRefused: isRefused, &reports)
        }
    }

    /// The context inside.
    @_documentation(visibility: internal)
    @inlinable
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        switch self {
        case .first(let strategy): strategy._inside(&passage, at: offset, context)
        case .second(let strategy): strategy._inside(&passage, at: offset, context)
        }
    }
}

extension NoStrategy {
    /// None, which are always entered.
    @_documentation(visibility: internal)
    @inlinable public var _depth: Int { 0 }
}
