public import ResilienceCore

/// The values and refreshes of a ``KeyedStaleWhileRevalidate``. A pure value, but for the tasks it holds.
///
/// Inlinable as far as a value that is kept answers, so that the module which names the types specialises it.
@usableFromInline
struct RevalidationState<Key: Hashable & Sendable, Value: Sendable> {
    /// A value that answers a call.
    @usableFromInline
    struct Kept {
        @usableFromInline let value: Value
        @usableFromInline let age: Duration
        @usableFromInline let isFresh: Bool

        @inlinable
        init(value: Value, age: Duration, isFresh: Bool) {
            self.value = value
            self.age = age
            self.isFresh = isFresh
        }
    }

    @usableFromInline
    enum Refresh {
        case none
        /// To be begun, under this number.
        case refresh(UInt64)
        /// Due, but there are as many as may be.
        case refused
    }

    private enum Running {
        case reserved
        case task(Task<Void, Never>)
    }

    @usableFromInline private(set) var configuration: StaleWhileRevalidateConfiguration
    @usableFromInline var values = LastGoodValues<Key, Value>()
    @usableFromInline var totals = StaleWhileRevalidateTotals()
    var isShutDown = false
    private var running: [UInt64: Running] = [:]
    private var keys: Set<Key> = []
    private var lastNumber: UInt64 = 0

    init(_ configuration: StaleWhileRevalidateConfiguration) {
        self.configuration = configuration
    }

    var refreshing: Int { running.count }

    var tasks: [Task<Void, Never>] {
        running.values.compactMap { if case .task(let task) = $0 { task } else { nil } }
    }

    /// What a call gets, `nil` if it has to be made, and whether a refresh is due.
    @inlinable
    mutating func ask(_ key: Key, at now: TimeSource.Instant) -> (kept: Kept?, refresh: Refresh) {
        guard let (value, age) = values.recall(key, at: now) else { return (nil, .none) }
        if age < configuration.freshFor {
            totals.countFresh()
            return (Kept(value: value, age: age, isFresh: true), .none)
        }
        guard age <= configuration.retention.maxAge else { return (nil, .none) }
        totals.countStale()
        return (Kept(value: value, age: age, isFresh: false), reserve(key))
    }

    @usableFromInline
    mutating func reserve(_ key: Key) -> Refresh {
        guard !keys.contains(key) else { return .none }
        guard !isShutDown, running.count < configuration.maxRefreshes else {
            totals.refreshesRefused.increment()
            return .refused
        }
        lastNumber &+= 1
        running[lastNumber] = .reserved
        keys.insert(key)
        return .refresh(lastNumber)
    }

    @usableFromInline
    mutating func begin(_ number: UInt64, _ task: Task<Void, Never>) { running[number] = .task(task) }

    /// Ends a refresh. The old value stays if there is no new one.
    mutating func end(
        _ number: UInt64, _ key: Key, _ result: Result<Value, any Error>, isCancelled: Bool,
        at now: TimeSource.Instant
    ) -> LastGoodValues<Key, Value>.Dropped? {
        running[number] = nil
        keys.remove(key)
        switch result {
        case .success(let value):
            totals.refreshed.increment()
            return remember(value, for: key, at: now)
        case .failure:
            if isCancelled { totals.refreshesCancelled.increment() } else { totals.refreshesFailed.increment() }
            return nil
        }
    }

    /// Ends a call that was made. `nil` for a value that is not to be kept.
    mutating func loaded(
        _ value: Value?, for key: Key, at now: TimeSource.Instant
    ) -> LastGoodValues<Key, Value>.Dropped? {
        guard let value else {
            totals.failed.increment()
            return nil
        }
        totals.loaded.increment()
        return remember(value, for: key, at: now)
    }

    mutating func countFailedLoad(isCancelled: Bool) {
        if isCancelled { totals.cancelled.increment() } else { totals.failed.increment() }
    }

    mutating func remember(
        _ value: Value, for key: Key, at now: TimeSource.Instant
    ) -> LastGoodValues<Key, Value>.Dropped {
        values.remember(value, for: key, at: now, configuration.retention)
    }

    mutating func update(_ configuration: StaleWhileRevalidateConfiguration) -> [LastGoodValues<Key, Value>.Entry] {
        self.configuration = configuration
        return values.trim(to: configuration.capacity)
    }
}
