public import ResilienceCore

extension Policy {
    /// A form of this policy whose calls have a fallback, which runs when a call fails or a layer refuses it.
    ///
    /// Everything in the policy is inside: the fallback sees what comes out of all layers. It hears nothing of attempts
    /// that a retry repeats.
    ///
    /// - Parameter fallback: The steps, perhaps shared with other policies. It keeps its name and its clock; the
    ///   policy's observers hear its events.
    public func fallback<Key, Value>(to fallback: KeyedFallback<Key, Value>) -> KeyedFallbackPolicy<Key, Value> {
        for observer in observers { fallback.addObserver(observer) }
        return KeyedFallbackPolicy(inner: self, fallback: fallback)
    }

    /// A form of this policy whose calls have a fallback, built from its steps with the policy's name, clock and
    /// observers.
    ///
    /// - Parameters:
    ///   - type: What calls return.
    ///   - handles: For which errors there is a fallback. Default: all.
    ///   - exhaustion: What the caller gets when every step has failed. Default: the error of the call.
    ///   - steps: What is tried, first to last.
    /// - Throws: All faults of the steps.
    public func fallback<Value>(
        _ type: Value.Type, handles: ErrorCondition = .all,
        exhaustion: Exhaustion = .originalError, @FallbackBuilder<NoKey, Value> steps: () -> Fallback<Value>.Steps
    ) throws(ConfigurationError) -> FallbackPolicy<Value> {
        try fallback(.init(handles: handles, exhaustion: exhaustion, steps: steps))
    }

    /// A form of this policy whose calls name a key and have a fallback, built from its steps with the policy's name,
    /// clock and observers.
    ///
    /// - Parameters:
    ///   - type: What calls return.
    ///   - key: What calls are about.
    ///   - handles: For which errors there is a fallback. Default: all.
    ///   - exhaustion: What the caller gets when every step has failed. Default: the error of the call.
    ///   - steps: What is tried, first to last.
    /// - Throws: All faults of the steps.
    public func fallback<Key, Value>(
        _ type: Value.Type, by key: Key.Type,
        handles: ErrorCondition = .all,
        exhaustion: Exhaustion = .originalError,
        @FallbackBuilder<Key, Value> steps: () -> KeyedFallback<Key, Value>.Steps
    ) throws(ConfigurationError) -> KeyedFallbackPolicy<Key, Value> {
        try fallback(.init(handles: handles, exhaustion: exhaustion, steps: steps))
    }

    private func fallback<Key, Value>(
        _ configuration: KeyedFallback<Key, Value>.Configuration
    ) throws(ConfigurationError) -> KeyedFallbackPolicy<Key, Value> {
        do {
            try configuration.validate()
        } catch {
            throw error.prefixed(name)
        }
        let environment = PolicyEnvironment(name: name, time: rootContext.time, observers: observers)
        return KeyedFallbackPolicy(inner: self, fallback: KeyedFallback(environment, configuration))
    }
}

/// A policy for calls of one type, with a fallback. Made by ``ResilienceCore/Policy/fallback(to:)``.
public typealias FallbackPolicy<Value: Sendable> = KeyedFallbackPolicy<NoKey, Value>

/// A policy for calls of one type that name what they are about, with a fallback. Made by
/// ``ResilienceCore/Policy/fallback(to:)``.
///
/// A value that is cheap to copy; copies share the layers and the fallback.
public struct KeyedFallbackPolicy<Key: Hashable & Sendable, Value: Sendable>: FallbackCalling, PolicyWrapper {
    /// The policy inside, which each call goes through.
    public let inner: Policy

    /// The steps: their totals, their configuration and how to change it.
    public let fallback: KeyedFallback<Key, Value>

    /// The policy inside, which each call goes through.
    public var policy: Policy { inner }

    /// A fallback around a policy whose observers hear the fallback already.
    package init(inner: Policy, fallback: KeyedFallback<Key, Value>) {
        self.inner = inner
        self.fallback = fallback
    }

    /// The same fallback around another policy.
    public func replacingPolicy(with policy: Policy) -> KeyedFallbackPolicy {
        KeyedFallbackPolicy(inner: policy, fallback: fallback)
    }

    /// Adds an observer of the policy, of all its layers and of the fallback.
    public func addObserver(_ observer: any PolicyObserver) {
        inner.addObserver(observer)
        fallback.addObserver(observer)
    }
}

extension KeyedFallbackPolicy: CustomStringConvertible {
    /// The fallback and the layers inside: `Fallback(quotes) → Retry(3) → CircuitBreaker(quotes)`.
    public var description: String { "Fallback(\(fallback.name)) → \(inner)" }
}
