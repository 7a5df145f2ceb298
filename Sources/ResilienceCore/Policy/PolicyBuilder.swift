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

/// A strategy that one call may pass twice, through two policies that share it, and that knows the call again.
package protocol NestingStrategy: Strategy {
    /// The strategy has been made a layer of a policy by code that holds it. The second time, calls may nest.
    func becomeLayer()
}

extension Strategy {
    /// The strategy, which was built before, becomes a layer of a policy.
    @usableFromInline
    func shared(with environment: PolicyEnvironment) {
        for observer in environment.observers { addObserver(observer) }
        noteNesting()
    }

    private func noteNesting() {
        if let strategy = self as? any NestingStrategy {
            strategy.becomeLayer()
        } else if let wrapper = self as? any StrategyWrapper {
            wrapper.base.noteNesting()
        }
    }
}

extension Layer {
    /// A recipe that hands out a strategy built before.
    @inlinable
    public init(existing strategy: Built) {
        self.init { (environment) throws(ConfigurationError) in
            strategy.shared(with: environment)
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
    @usableFromInline static var none: Layer<NoStrategy> {
        Layer { environment in
            NoStrategy(rootContext: Context(name: environment.name, time: environment.time))
        }
    }
}

extension ConfigurationError {
    @usableFromInline
    func adding(_ other: ConfigurationError) -> ConfigurationError {
        ConfigurationError(faults + other.faults) ?? self
    }
}
