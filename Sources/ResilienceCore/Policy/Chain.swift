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

    /// None.
    public var layers: [LayerDescription] { [] }
}
