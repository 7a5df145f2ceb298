/// Two strategies, one inside the other. Made by the builders.
@_documentation(visibility: internal)
public struct Chain<Outer: Strategy, Inner: Strategy>: Strategy {
    @usableFromInline let outer: Outer
    @usableFromInline let inner: Inner

    @inlinable
    package init(_ outer: Outer, _ inner: Inner) {
        self.outer = outer
        self.inner = inner
    }

    /// Runs the inner strategy within the outer one.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await outer.execute(context) { context in try await inner.execute(context, next) }
    }

    @_documentation(visibility: internal)
    @inlinable public var _depth: Int { outer._depth &+ inner._depth }

    @_documentation(visibility: internal)
    @inlinable public var _size: Int { outer._size &+ inner._size }

    @_documentation(visibility: internal)
    @inlinable public var _isTransparent: Bool { outer._isTransparent && inner._isTransparent }

    @_documentation(visibility: internal)
    @inlinable
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let entered = outer._enter(&passage, at: offset, &refusal)
        guard entered == outer._depth else { return entered }
        return entered &+ inner._enter(&passage, at: offset &+ outer._size, &refusal)
    }

    @_documentation(visibility: internal)
    @inlinable
    public func _leave(_ passage: inout Passage, at offset: Int) {
        inner._leave(&passage, at: offset &+ outer._size)
        outer._leave(&passage, at: offset)
    }

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

    @_documentation(visibility: internal)
    @inlinable
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        guard !_isTransparent else { return context }
        let context = outer._inside(&passage, at: offset, context)
        return inner._inside(&passage, at: offset &+ outer._size, context)
    }

    /// The layers of both.
    public var layers: [LayerDescription] { outer.layers + inner.layers }

    /// Adds the observer to both.
    public func addObserver(_ observer: any PolicyObserver) {
        outer.addObserver(observer)
        inner.addObserver(observer)
    }

    /// Collects both.
    public func collect(into metrics: inout MetricCollection) {
        metrics.collect(outer)
        metrics.collect(inner)
    }

    /// The entrances of both.
    @_documentation(visibility: internal)
    public var _entrance: (any CallEntrance)? { EntrancePair.joining([outer._entrance, inner._entrance]) }
}

/// One of two strategies. Made by the builders for conditions.
@_documentation(visibility: internal)
public enum Either<First: Strategy, Second: Strategy>: Strategy {
    /// The first branch.
    case first(First)
    /// The second branch.
    case second(Second)

    /// Runs the strategy that is there.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        switch self {
        case .first(let strategy): try await strategy.execute(context, next)
        case .second(let strategy): try await strategy.execute(context, next)
        }
    }

    @_documentation(visibility: internal)
    @inlinable public var _depth: Int {
        switch self {
        case .first(let strategy): strategy._depth
        case .second(let strategy): strategy._depth
        }
    }

    @_documentation(visibility: internal)
    @inlinable public var _size: Int {
        switch self {
        case .first(let strategy): strategy._size
        case .second(let strategy): strategy._size
        }
    }

    @_documentation(visibility: internal)
    @inlinable public var _isTransparent: Bool {
        switch self {
        case .first(let strategy): strategy._isTransparent
        case .second(let strategy): strategy._isTransparent
        }
    }

    @_documentation(visibility: internal)
    @inlinable
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        switch self {
        case .first(let strategy): strategy._enter(&passage, at: offset, &refusal)
        case .second(let strategy): strategy._enter(&passage, at: offset, &refusal)
        }
    }

    @_documentation(visibility: internal)
    @inlinable
    public func _leave(_ passage: inout Passage, at offset: Int) {
        switch self {
        case .first(let strategy): strategy._leave(&passage, at: offset)
        case .second(let strategy): strategy._leave(&passage, at: offset)
        }
    }

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

    @_documentation(visibility: internal)
    @inlinable
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        switch self {
        case .first(let strategy): strategy._inside(&passage, at: offset, context)
        case .second(let strategy): strategy._inside(&passage, at: offset, context)
        }
    }

    /// The layers of the strategy that is there.
    public var layers: [LayerDescription] {
        switch self {
        case .first(let strategy): strategy.layers
        case .second(let strategy): strategy.layers
        }
    }

    /// Adds the observer to the strategy that is there.
    public func addObserver(_ observer: any PolicyObserver) {
        switch self {
        case .first(let strategy): strategy.addObserver(observer)
        case .second(let strategy): strategy.addObserver(observer)
        }
    }

    /// Collects the strategy that is there.
    public func collect(into metrics: inout MetricCollection) {
        switch self {
        case .first(let strategy): metrics.collect(strategy)
        case .second(let strategy): metrics.collect(strategy)
        }
    }

    /// The entrance of the strategy that is there.
    @_documentation(visibility: internal)
    public var _entrance: (any CallEntrance)? {
        switch self {
        case .first(let strategy): strategy._entrance
        case .second(let strategy): strategy._entrance
        }
    }
}

/// No strategy: runs what is inside. Made by the builders, and the inside of what needs a strategy and has none.
@_documentation(visibility: internal)
public struct NoStrategy: Strategy {
    /// The context that calls start with.
    public let rootContext: Context

    @usableFromInline
    package init(rootContext: Context = .standalone) {
        self.rootContext = rootContext
    }

    /// Runs `next`.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await next(context)
    }

    /// None, which are always entered.
    @_documentation(visibility: internal)
    @inlinable public var _depth: Int { 0 }

    /// None.
    public var layers: [LayerDescription] { [] }
}
