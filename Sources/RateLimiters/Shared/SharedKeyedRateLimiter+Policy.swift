public import ResilienceCore

extension SharedKeyedRateLimiter {
    /// The limiter for one key, as a strategy: to use alone or as a layer of a policy of that key's own.
    public subscript(key: Key) -> Single { Single(limiter: self, key: key) }

    /// This limiter as a strategy that finds each call's key in its context.
    ///
    /// - Parameter key: The key of a call; runs in each call, under no lock.
    public func by(_ key: @escaping @Sendable (Context) -> Key) -> ByContext { ByContext(limiter: self, key: key) }

    /// A shared keyed limiter for one key. Made by ``SharedKeyedRateLimiter/subscript(_:)``.
    public struct Single: Strategy {
        /// The limiter.
        public let limiter: SharedKeyedRateLimiter<Key>
        /// The key.
        public let key: Key

        /// The context of a call that goes through this limiter alone.
        public var rootContext: Context { limiter.rootContext }

        /// Runs the rest of a call when there is a permit of the key for it, or as many as ``RateLimiter/Permits``
        /// says.
        ///
        /// It waits for up to the longest wait, and never for permits that would come at the call's deadline or later.
        ///
        /// - Throws: ``RateLimiter/RejectedError``; ``RateLimiter/ExceedsLimitError``;
        ///   ``RateLimiter/TooManyKeysError``; ``SharedRateLimiter/UnavailableError`` while the store is away, if that
        ///   is to be so; `CancellationError` if the caller cancels during the wait; otherwise what `next` threw.
        public nonisolated(nonsending) func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            try await limiter.table.quota(for: key).enter(context)
            try await next(context)
        }

        /// This limiter as one layer: `SharedKeyedRateLimiter(api)`.
        public var layers: [LayerDescription] {
            [LayerDescription(pattern: "SharedKeyedRateLimiter", detail: limiter.name, strategy: self)]
        }

        /// Adds an observer of the limiter's events, of all keys.
        public func addObserver(_ observer: any PolicyObserver) { limiter.addObserver(observer) }

        /// Adds what the limiter measures, over all keys.
        public func collect(into metrics: inout MetricCollection) { metrics.collect(limiter) }
    }

    /// A shared keyed limiter that finds each call's key in its context. Made by ``SharedKeyedRateLimiter/by(_:)``.
    public struct ByContext: Strategy {
        /// The limiter.
        public let limiter: SharedKeyedRateLimiter<Key>
        let key: @Sendable (Context) -> Key

        /// The context of a call that goes through this limiter alone.
        public var rootContext: Context { limiter.rootContext }

        /// Runs the rest of a call when there is a permit of its key for it; otherwise the same as
        /// ``SharedKeyedRateLimiter/Single/execute(_:_:)``.
        public nonisolated(nonsending) func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            try await limiter.table.quota(for: key(context)).enter(context)
            try await next(context)
        }

        /// This limiter as one layer: `SharedKeyedRateLimiter(api)`.
        public var layers: [LayerDescription] {
            [LayerDescription(pattern: "SharedKeyedRateLimiter", detail: limiter.name, strategy: self)]
        }

        /// Adds an observer of the limiter's events, of all keys.
        public func addObserver(_ observer: any PolicyObserver) { limiter.addObserver(observer) }

        /// Adds what the limiter measures, over all keys.
        public func collect(into metrics: inout MetricCollection) { metrics.collect(limiter) }
    }
}

extension PolicyPipeline {
    /// Adds a shared keyed limiter that exists already, perhaps shared with other policies.
    ///
    /// - Parameters:
    ///   - limiter: The limiter.
    ///   - key: The key of a call; runs in each call, under no lock.
    public func sharedKeyedRateLimiter<Key: Hashable & Sendable>(
        _ limiter: SharedKeyedRateLimiter<Key>, by key: @escaping @Sendable (Context) -> Key
    ) -> PolicyPipeline<Chain<Built, SharedKeyedRateLimiter<Key>.ByContext>> {
        strategy(limiter.by(key))
    }
}
