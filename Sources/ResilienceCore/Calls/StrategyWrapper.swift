/// A strategy that adds something to another and is otherwise the same.
///
/// Conform a strategy of your own that wraps one, and implement `execute`: its calls start in the context of the one
/// inside, its layers, observers and metrics are that one's, and it passes the same gate.
public protocol StrategyWrapper: Strategy {
    /// The type of the strategy inside.
    associatedtype Base: Strategy

    /// The strategy inside.
    var base: Base { get }
}

extension StrategyWrapper {
    /// The context of the strategy inside.
    public var rootContext: Context { base.rootContext }

    /// The layers of the strategy inside.
    public var layers: [LayerDescription] { base.layers }

    /// Adds the observer to the strategy inside.
    public func addObserver(_ observer: any PolicyObserver) { base.addObserver(observer) }

    /// Adds what the strategy inside measures.
    public func collect(into metrics: inout MetricCollection) { metrics.collect(base) }

    /// What calls through the strategy inside pass as a whole.
    @_documentation(visibility: internal)
    public var _entrance: (any CallEntrance)? { base._entrance }
}

/// What holds a policy and adds a way of calling it: a hedge, a fallback, a limit.
///
/// What can be made from a policy by setting something can be made from these too.
public protocol PolicyWrapper: MetricSource {
    /// The policy that calls go through.
    var policy: Policy { get }

    /// The same with another policy, made from the one inside.
    func replacingPolicy(with policy: Policy) -> Self
}

extension PolicyWrapper {
    /// The same, whose calls carry a value in their ``Context``. See ``Policy/setting(_:to:)``.
    public func setting<Key: ContextKey>(_ key: Key.Type, to value: Key.Value) -> Self {
        replacingPolicy(with: policy.setting(key, to: value))
    }

    /// The same with a rule for the values of one type. See ``Policy/accepting(_:where:)``.
    public func accepting<Value>(
        _ type: Value.Type, where isAccepted: @escaping @Sendable (Value) -> Bool
    ) -> Self {
        replacingPolicy(with: policy.accepting(type, where: isAccepted))
    }

    /// The same with a classifier for the values of one type. See ``Policy/failing(_:throwing:_:)``.
    public func failing<Value>(
        _ type: Value.Type, throwing: Bool = false, _ classify: @escaping @Sendable (Value) -> (any Error)?
    ) -> Self {
        replacingPolicy(with: policy.failing(type, throwing: throwing, classify))
    }
}
