public import ResilienceCore
internal import Synchronization

/// Limits the calls of each key by itself across a whole fleet: of each tenant, user or address.
///
/// ```swift
/// let limiter = try SharedKeyedRateLimiter<String>(
///     "api", .init(permits: 100, period: .seconds(1), burst: 20), through: store)
/// async let exchange: Void = try limiter.run()
/// let answer = try await limiter.execute(for: tenant) { try await backend.answer(request) }
/// ```
///
/// Every key has a quota of its own by the same rule; all else is as in ``SharedRateLimiter``. A node remembers keys
/// while it holds permits of them or calls wait, up to `maxKeys`: when it forgets one it gives its permits back, so
/// that no key ever gets more than the rule allows. A call with a new key is rejected with
/// ``RateLimiter/TooManyKeysError`` only if calls wait for permits of as many others.
///
/// A key's `==` runs under a lock and must not use the limiter. All members may be used from any task at once.
public final class SharedKeyedRateLimiter<Key: Hashable & Sendable>: Sendable {
    /// How many permits each key has, how a node takes them, how long a call waits for them, and what holds while the
    /// store is away.
    public typealias Configuration = SharedRateLimiter.KeyedConfiguration

    /// The limiter's name in errors, events and metrics.
    public let name: String

    /// The most keys that this node remembers at once.
    public let maxKeys: Int

    let rootContext: Context
    let shared: SharedQuotaLink
    let table: LeasedQuotaTable<Key>

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and its quotas at the store.
    ///   - configuration: How many permits each key has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    ///   - maxKeys: The most keys that this node remembers at once, 1 to 1 000 000, at some 500 bytes each. Default:
    ///     10 000.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    ///   - keyName: What a key is called at the store: the same on all nodes, and different for different keys.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, through store: any RateStore, maxKeys: Int = 10_000,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [], keyName: @escaping @Sendable (Key) -> String
    ) throws(ConfigurationError) {
        let environment = PolicyEnvironment(
            name: name, time: TimeSource(clock), random: random, observers: observers)
        try self.init(environment, configuration, store, maxKeys, keyName)
    }

    /// Creates a limiter whose keys are called at the store what they are here.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and its quotas at the store.
    ///   - configuration: How many permits each key has, how a node takes them, how long a call waits for them, and
    ///     what holds while the store is away.
    ///   - store: Where the nodes take them from.
    ///   - maxKeys: The most keys that this node remembers at once, 1 to 1 000 000. Default: 10 000.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration, through store: any RateStore, maxKeys: Int = 10_000,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) where Key: LosslessStringConvertible {
        try self.init(
            name, configuration, through: store, maxKeys: maxKeys, clock: clock, random: random,
            observers: observers, keyName: \.description)
    }

    /// Creates a limiter from its rule.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and its quotas at the store.
    ///   - rule: How many permits each key has, and when: the same on all nodes.
    ///   - store: Where the nodes take them from.
    ///   - maxKeys: The most keys that this node remembers at once, 1 to 1 000 000. Default: 10 000.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    ///   - keyName: What a key is called at the store: the same on all nodes, and different for different keys.
    /// - Throws: All faults of the rule.
    public convenience init(
        _ name: String, _ rule: SharedQuotaRule, through store: any RateStore, maxKeys: Int = 10_000,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = [], keyName: @escaping @Sendable (Key) -> String
    ) throws(ConfigurationError) {
        try self.init(
            name, Configuration(rule: rule), through: store, maxKeys: maxKeys, clock: clock, random: random,
            observers: observers, keyName: keyName)
    }

    /// Creates a limiter from its rule, whose keys are called at the store what they are here.
    ///
    /// - Parameters:
    ///   - name: What the limiter is called in errors, events and metrics, and its quotas at the store.
    ///   - rule: How many permits each key has, and when: the same on all nodes.
    ///   - store: Where the nodes take them from.
    ///   - maxKeys: The most keys that this node remembers at once, 1 to 1 000 000. Default: 10 000.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of the times at which it tries again. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the rule.
    public convenience init(
        _ name: String, _ rule: SharedQuotaRule, through store: any RateStore, maxKeys: Int = 10_000,
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) where Key: LosslessStringConvertible {
        try self.init(
            name, Configuration(rule: rule), through: store, maxKeys: maxKeys, clock: clock, random: random,
            observers: observers)
    }

    init(
        _ environment: PolicyEnvironment, _ configuration: Configuration, _ store: any RateStore, _ maxKeys: Int,
        _ keyName: @escaping @Sendable (Key) -> String
    ) throws(ConfigurationError) {
        var check = ConfigurationCheck("sharedKeyedRateLimiter")
        check.require("maxKeys", maxKeys, in: 1...1_000_000)
        try check.finish()
        try configuration.validate()
        (name, self.maxKeys) = (environment.name, maxKeys)
        rootContext = Context(name: environment.name, time: environment.time)
        shared = SharedQuotaLink(
            environment, quota: environment.name, store, configuration.single,
            SharedRateLimiter.Families.meterLayout)
        table = LeasedQuotaTable(shared, maxKeys: maxKeys, keyName)
    }

    /// Takes permits from the store for calls, and gives unused ones back, until the task is cancelled.
    ///
    /// Runs once at a time; further calls of it wait until they are cancelled.
    ///
    /// - Throws: If the store is required (``SharedRateLimiter/Configuration/isRequired``) and does not answer at
    ///   first, its error.
    public nonisolated(nonsending) func run() async throws(SharedStateError) {
        try await shared.run(isRequired: configuration.isRequired) { [table] in table.giveUpAll() }
    }

    // MARK: The path of a call

    /// Takes permits of a key if this node has them now, and no call waits for them.
    ///
    /// - Parameters:
    ///   - key: Whose permits.
    ///   - permits: How many. None or fewer count as none and are always there.
    /// - Returns: Whether they were taken. Always `false` in the mode ``SharedRateLimiter/Mode/exact`` while the store
    ///   is there.
    public func tryAcquire(for key: Key, permits: Int = 1) -> Bool {
        if permits <= 0 { return true }
        return (try? table.quota(for: key))?.tryAcquire(permits) ?? false
    }

    /// Takes permits of a key, or waits for them.
    ///
    /// - Parameters:
    ///   - key: Whose permits.
    ///   - permits: How many. None or fewer count as none and are always there.
    ///   - maxWait: The longest wait, zero or more. Default: `nil`, that of the configuration.
    /// - Throws: As ``Single/execute(_:_:)``. Nothing is taken then.
    public nonisolated(nonsending) func acquire(
        for key: Key, permits: Int = 1, maxWait: Duration? = nil
    ) async throws {
        let longest = maxWait.map { max(0, $0.saturatedNanoseconds) }
        try await table.quota(for: key).acquire(max(0, permits), maxWait: longest, rootContext)
    }

    /// Runs an operation when there is a permit of a key for it. Everything else that a strategy can do is there on
    /// `limiter[key]`.
    ///
    /// - Throws: As ``Single/execute(_:_:)``.
    public nonisolated(nonsending) func execute<Value>(
        for key: Key, _ operation: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await self[key].execute(operation)
    }
}
