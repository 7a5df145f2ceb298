/// Builds a policy from layers written one under another, outermost first.
///
/// Takes recipes (``Layer``), strategies that exist already, and other policies; `if`, `if`-`else` and `switch`.
@resultBuilder
public enum PolicyBuilder {
    /// A recipe stands for the strategy it makes.
    @inlinable
    public static func buildExpression<S: Strategy>(_ layer: Layer<S>) -> Layer<S> { layer }

    /// A strategy that exists already, perhaps shared with other policies. It keeps its own clock, and hears of the
    /// policy's observers.
    @inlinable
    public static func buildExpression<S: Strategy>(_ strategy: S) -> Layer<S> { Layer(existing: strategy) }

    /// Nothing: a policy without layers is a configuration error.
    @inlinable
    public static func buildBlock() -> Layer<NoStrategy> { .none }

    /// The outermost layer.
    @inlinable
    public static func buildPartialBlock<S: Strategy>(first: Layer<S>) -> Layer<S> { first }

    /// A layer inside those before it.
    @inlinable
    public static func buildPartialBlock<Outer: Strategy, Inner: Strategy>(
        accumulated: Layer<Outer>, next: Layer<Inner>
    ) -> Layer<Chain<Outer, Inner>> {
        accumulated.around(next)
    }

    /// A layer that is there only under a condition.
    @inlinable
    public static func buildOptional<S: Strategy>(_ layer: Layer<S>?) -> Layer<Either<S, NoStrategy>> {
        if let layer { layer.map(Either.first) } else { Layer.none.map(Either.second) }
    }

    /// The first branch of a condition.
    @inlinable
    public static func buildEither<First: Strategy, Second: Strategy>(
        first layer: Layer<First>
    ) -> Layer<Either<First, Second>> {
        layer.map(Either.first)
    }

    /// The second branch of a condition.
    @inlinable
    public static func buildEither<First: Strategy, Second: Strategy>(
        second layer: Layer<Second>
    ) -> Layer<Either<First, Second>> {
        layer.map(Either.second)
    }
}

extension Layer {
    /// A recipe that hands out a strategy built before.
    @inlinable
    public init(existing strategy: Built) {
        self.init { (environment) throws(ConfigurationError) in
            for observer in environment.observers { strategy.addObserver(observer) }
            return strategy
        }
    }

    /// This layer outside of another; the faults of both are reported together.
    @inlinable
    public func around<Inner: Strategy>(_ inner: Layer<Inner>) -> Layer<Chain<Built, Inner>> {
        Layer<Chain<Built, Inner>> { [self] (environment) throws(ConfigurationError) in
            switch (result(in: environment), inner.result(in: environment)) {
            case (.success(let outer), .success(let inner)): return Chain(outer, inner)
            case (.failure(let first), .failure(let second)): throw first.adding(second)
            case (.failure(let error), _), (_, .failure(let error)): throw error
            }
        }
    }

    @inlinable
    func result(in environment: PolicyEnvironment) -> Result<Built, ConfigurationError> {
        Result { () throws(ConfigurationError) in try make(environment) }
    }

    @inlinable
    func map<Other: Strategy>(_ transform: @escaping @Sendable (Built) -> Other) -> Layer<Other> {
        Layer<Other> { [self] (environment) throws(ConfigurationError) in transform(try build(in: environment)) }
    }
}

extension Layer where Built == NoStrategy {
    @usableFromInline static var none: Layer<NoStrategy> { Layer { _ in NoStrategy() } }
}

extension ConfigurationError {
    @usableFromInline
    func adding(_ other: ConfigurationError) -> ConfigurationError {
        ConfigurationError(faults + other.faults) ?? self
    }
}

/// Two strategies, one inside the other. Made by the builders.
@_documentation(visibility: internal)
public struct Chain<Outer: Strategy, Inner: Strategy>: Strategy {
    @usableFromInline let outer: Outer
    @usableFromInline let inner: Inner

    @inlinable
    init(_ outer: Outer, _ inner: Inner) {
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
}

/// No strategy: runs what is inside. Made by the builders.
@_documentation(visibility: internal)
public struct NoStrategy: Strategy {
    @usableFromInline init() {}

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
