public import ResilienceCore

extension KeyedRateLimiter {
    /// The limiter for one key, as a strategy: to use alone or as a layer of a policy of that key's own.
    ///
    /// Cheap to make and to keep; the permits are the limiter's.
    @inlinable
    public subscript(key: Key) -> Single {
        Single(self, key)
    }

    /// A keyed limiter for one key. Made by ``KeyedRateLimiter/subscript(_:)``.
    public struct Single: Strategy {
        /// The limiter.
        public let limiter: KeyedRateLimiter<Key>
        /// The key.
        public let key: Key

        @inlinable
        init(_ limiter: KeyedRateLimiter<Key>, _ key: Key) {
            self.limiter = limiter
            self.key = key
        }

        /// The context of a call that goes through this limiter alone.
        public var rootContext: Context { limiter.shared.rootContext }

        /// Runs the rest of a call when there is a permit of the key for it, or as many as ``RateLimiter/Permits``
        /// says.
        ///
        /// It waits for up to the longest wait, and never for permits that would come at the call's deadline or later.
        ///
        /// - Throws: ``RateLimiter/RejectedError``, ``RateLimiter/ExceedsLimitError`` or
        ///   ``RateLimiter/TooManyKeysError``; `CancellationError` if the caller cancels during the wait; otherwise
        ///   what `next` threw.
        @inlinable
        public nonisolated(nonsending) func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            try await limiter.execute(for: key, context, next)
        }

        /// This limiter as one layer: `KeyedRateLimiter(api)`.
        public var layers: [LayerDescription] {
            [LayerDescription(pattern: "KeyedRateLimiter", detail: limiter.name, strategy: self)]
        }

        /// Adds an observer of the limiter's events, of all keys.
        public func addObserver(_ observer: any PolicyObserver) { limiter.addObserver(observer) }

        /// Adds what the limiter measures, over all keys.
        public func collect(into metrics: inout MetricCollection) { metrics.collect(limiter) }
    }

    /// A keyed limiter that finds each call's key in its context. Made by ``KeyedRateLimiter/by(_:)`` or as a layer.
    public struct ByContext: Strategy {
        /// The limiter.
        public let limiter: KeyedRateLimiter<Key>
        @usableFromInline let key: @Sendable (Context) -> Key

        @usableFromInline
        init(_ limiter: KeyedRateLimiter<Key>, _ key: @escaping @Sendable (Context) -> Key) {
            self.limiter = limiter
            self.key = key
        }

        /// The context of a call that goes through this limiter alone.
        public var rootContext: Context { limiter.shared.rootContext }

        /// Runs the rest of a call when there is a permit of its key for it; otherwise the same as
        /// ``KeyedRateLimiter/Single/execute(_:_:)``.
        @inlinable
        public nonisolated(nonsending) func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            try await limiter.execute(for: key(context), context, next)
        }

        /// This limiter as one layer: `KeyedRateLimiter(api)`.
        public var layers: [LayerDescription] {
            [LayerDescription(pattern: "KeyedRateLimiter", detail: limiter.name, strategy: self)]
        }

        /// Adds an observer of the limiter's events, of all keys.
        public func addObserver(_ observer: any PolicyObserver) { limiter.addObserver(observer) }

        /// Adds what the limiter measures, over all keys.
        public func collect(into metrics: inout MetricCollection) { metrics.collect(limiter) }
    }

    /// This limiter as a strategy that finds each call's key in its context.
    ///
    /// - Parameter key: The key of a call; runs in each call, under no lock.
    public func by(_ key: @escaping @Sendable (Context) -> Key) -> ByContext {
        ByContext(self, key)
    }

    /// A keyed limiter as a layer of a policy, with the policy's name, clock and observers.
    ///
    /// - Parameters:
    ///   - configuration: How many permits each key has, and how many keys there may be. Its faults are reported by the
    ///     policy, with those of the other layers.
    ///   - key: The key of a call; runs in each call, under no lock.
    public static func layer(
        _ configuration: Configuration, by key: @escaping @Sendable (Context) -> Key
    ) -> Layer<ByContext> {
        layer(name: nil, configuration, key)
    }

    /// The keyed limiter that a module holds under a name, as a layer of a policy that is registered in the same
    /// module.
    ///
    /// - Parameters:
    ///   - name: The name it is registered by. One that is not registered is a fault of the policy.
    ///   - key: The key of a call; runs in each call, under no lock.
    public static func named(_ name: String, by key: @escaping @Sendable (Context) -> Key) -> Layer<ByContext> {
        Layer { environment throws(ConfigurationError) in
            let limiter = try environment.component(Self.self, named: name, field: "layers")
            for observer in environment.observers { limiter.addObserver(observer) }
            return limiter.by(key)
        }
    }

    /// A keyed limiter as a layer of a policy, with a name of its own and the policy's clock and observers.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - configuration: How many permits each key has, and how many keys there may be.
    ///   - key: The key of a call; runs in each call, under no lock.
    public static func layer(
        _ name: String, _ configuration: Configuration, by key: @escaping @Sendable (Context) -> Key
    ) -> Layer<ByContext> {
        layer(name: name, configuration, key)
    }

    /// A keyed limiter as a layer of a policy, by its rule, with the policy's name, clock and observers.
    ///
    /// - Parameters:
    ///   - rule: How many permits each key has, and when. Its faults are reported by the policy, with those of the
    ///     other layers.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    ///   - maxKeys: The most keys of which something is remembered at once. Default: 100 000.
    ///   - key: The key of a call; runs in each call, under no lock.
    public static func layer(
        _ rule: RateLimiter.Rule, maxWait: Duration = .zero, maxKeys: Int = 100_000,
        by key: @escaping @Sendable (Context) -> Key
    ) -> Layer<ByContext> {
        layer(name: nil, Configuration(rule: rule, maxWait: maxWait, maxKeys: maxKeys), key)
    }

    /// A keyed limiter as a layer of a policy, by its rule, with a name of its own and the policy's clock and
    /// observers.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits each key has, and when.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    ///   - maxKeys: The most keys of which something is remembered at once. Default: 100 000.
    ///   - key: The key of a call; runs in each call, under no lock.
    public static func layer(
        _ name: String, _ rule: RateLimiter.Rule, maxWait: Duration = .zero, maxKeys: Int = 100_000,
        by key: @escaping @Sendable (Context) -> Key
    ) -> Layer<ByContext> {
        layer(name: name, Configuration(rule: rule, maxWait: maxWait, maxKeys: maxKeys), key)
    }

    private static func layer(
        name: String?, _ configuration: Configuration, _ key: @escaping @Sendable (Context) -> Key
    ) -> Layer<ByContext> {
        Layer(named: name) { environment throws(ConfigurationError) in
            try configuration.validate()
            return KeyedRateLimiter(environment, configuration).by(key)
        }
    }
}

extension PolicyPipeline {
    /// Adds a keyed limiter that is built with the policy and has its name.
    ///
    /// - Parameters:
    ///   - configuration: How many permits each key has, and how many keys there may be.
    ///   - key: The key of a call; runs in each call, under no lock.
    public func keyedRateLimiter<Key: Hashable & Sendable>(
        _ configuration: RateLimiter.KeyedConfiguration, by key: @escaping @Sendable (Context) -> Key
    ) -> PolicyPipeline<Chain<Built, KeyedRateLimiter<Key>.ByContext>> {
        layer(KeyedRateLimiter<Key>.layer(configuration, by: key))
    }

    /// Adds a keyed limiter that is built with the policy.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - configuration: How many permits each key has, and how many keys there may be.
    ///   - key: The key of a call; runs in each call, under no lock.
    public func keyedRateLimiter<Key: Hashable & Sendable>(
        _ name: String, _ configuration: RateLimiter.KeyedConfiguration, by key: @escaping @Sendable (Context) -> Key
    ) -> PolicyPipeline<Chain<Built, KeyedRateLimiter<Key>.ByContext>> {
        layer(KeyedRateLimiter<Key>.layer(name, configuration, by: key))
    }

    /// Adds a keyed limiter that is built with the policy and has its name, by its rule.
    ///
    /// - Parameters:
    ///   - rule: How many permits each key has, and when.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    ///   - maxKeys: The most keys of which something is remembered at once. Default: 100 000.
    ///   - key: The key of a call; runs in each call, under no lock.
    public func keyedRateLimiter<Key: Hashable & Sendable>(
        _ rule: RateLimiter.Rule, maxWait: Duration = .zero, maxKeys: Int = 100_000,
        by key: @escaping @Sendable (Context) -> Key
    ) -> PolicyPipeline<Chain<Built, KeyedRateLimiter<Key>.ByContext>> {
        layer(KeyedRateLimiter<Key>.layer(rule, maxWait: maxWait, maxKeys: maxKeys, by: key))
    }

    /// Adds a keyed limiter that is built with the policy, by its rule.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics.
    ///   - rule: How many permits each key has, and when.
    ///   - maxWait: How long a call waits for its permits at most. Default: zero, it is rejected at once.
    ///   - maxKeys: The most keys of which something is remembered at once. Default: 100 000.
    ///   - key: The key of a call; runs in each call, under no lock.
    public func keyedRateLimiter<Key: Hashable & Sendable>(
        _ name: String, _ rule: RateLimiter.Rule, maxWait: Duration = .zero, maxKeys: Int = 100_000,
        by key: @escaping @Sendable (Context) -> Key
    ) -> PolicyPipeline<Chain<Built, KeyedRateLimiter<Key>.ByContext>> {
        layer(KeyedRateLimiter<Key>.layer(name, rule, maxWait: maxWait, maxKeys: maxKeys, by: key))
    }

    /// Adds a keyed limiter that exists already, perhaps shared with other policies.
    ///
    /// - Parameters:
    ///   - limiter: The limiter.
    ///   - key: The key of a call; runs in each call, under no lock.
    public func keyedRateLimiter<Key: Hashable & Sendable>(
        _ limiter: KeyedRateLimiter<Key>, by key: @escaping @Sendable (Context) -> Key
    ) -> PolicyPipeline<Chain<Built, KeyedRateLimiter<Key>.ByContext>> {
        strategy(limiter.by(key))
    }
}

extension Policy {
    /// The keyed limiters among the layers that find keys of one type in a call's context, outermost first.
    public func keyedRateLimiters<Key: Hashable & Sendable>(by key: Key.Type) -> [KeyedRateLimiter<Key>] {
        strategies(KeyedRateLimiter<Key>.ByContext.self).map(\.limiter)
    }
}
