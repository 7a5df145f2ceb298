public import ResilienceCore

/// The values, refreshes and calls of a ``KeyedStaleWhileRevalidate``. A pure value, but for the tasks and waiters it
/// holds.
///
/// Inlinable as far as a value that is kept answers, so that the module which names the types specialises it.
@usableFromInline
struct RevalidationState<Key: Hashable & Sendable, Value: Sendable> {
    /// A value that answers a call.
    @usableFromInline
    struct Kept: Sendable {
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

    /// The value of a call that was made.
    @usableFromInline
    struct Loaded: Sendable {
        @usableFromInline let value: Value
        /// As what failure it counts, if it does.
        @usableFromInline let unaccepted: (any Error)?
    }

    /// What a refresh has come to.
    enum RefreshResult {
        case read(Value)
        /// The hint is how long the server asks to wait, if it does.
        case failed(any Error, hint: Duration?)

        /// Asks the user's types what they say, so that it is made outside every lock.
        init(_ result: Result<Loaded, any Error>) {
            switch result {
            case .success(let loaded):
                guard let unaccepted = loaded.unaccepted else {
                    self = .read(loaded.value)
                    return
                }
                let failure = UnacceptedResultError.showing(loaded.value, unaccepted)
                self = .failed(failure, hint: failure.retryHint)
            case .failure(let error): self = .failed(error, hint: error.retryHint)
            }
        }
    }

    /// One call of the operation: for a stale value, or for the callers that wait for the first one.
    @usableFromInline
    struct Flight: Sendable {
        let isRefresh: Bool
        let start: ReadStart
    }

    /// A caller that waits for a call that was made, and which one.
    @usableFromInline
    struct Place: Sendable {
        let waiter = Waiter<Loaded>()
        let number: UInt64
    }

    @usableFromInline
    enum Decision: Sendable {
        /// A refresh that is due may be refused.
        case kept(Kept, isRefused: Bool = false)
        case wait(Place)
    }

    @usableFromInline
    enum Refresh: Sendable {
        case none
        case refresh(Flight)
        /// Due, but there are as many as may be.
        case refused
    }

    /// How a refresh ended.
    enum End: Sendable {
        case refreshed, discarded, cancelled
        case failed(any Error)
    }

    /// A call for the callers that wait for it. The key is that of the first of them.
    private struct Load {
        let key: Key
        var waiters: [Waiter<Loaded>]
        var task: Task<Void, Never>?
    }

    @usableFromInline private(set) var configuration: StaleWhileRevalidateConfiguration
    @usableFromInline var values = LastGoodValues<Key, Value>()
    @usableFromInline var totals = StaleWhileRevalidateTotals()
    var isShutDown = false
    /// Every refresh that runs; the task is there as soon as the lock has been released.
    private var refreshTasks: [UInt64: Task<Void, Never>?] = [:]
    private var loads: [UInt64: Load] = [:]
    /// The refresh of a key whose value is to be kept, and the call that others may join. The dictionaries own the keys
    /// of these calls, which hold them longer: a key is never released here.
    private var refreshes: [Key: UInt64] = [:]
    private var joinable: [Key: UInt64] = [:]
    private var lastNumber: UInt64 = 0

    init(_ configuration: StaleWhileRevalidateConfiguration) {
        self.configuration = configuration
    }

    var refreshing: Int { refreshTasks.count }

    var tasks: [Task<Void, Never>] { refreshTasks.values.compactMap { $0 } }

    // MARK: Asking

    /// What a call gets that a value answers, and whether a refresh is due; `nil` if it has to be made.
    @inlinable
    mutating func ask(_ key: Key, at now: TimeSource.Instant) -> (kept: Kept, refresh: Refresh)? {
        guard let (value, age, countedAge) = values.recall(key, at: now) else { return nil }
        if countedAge < configuration.freshFor {
            totals.countFresh()
            return (Kept(value: value, age: age, isFresh: true), .none)
        }
        guard countedAge <= configuration.retention.maxAge else { return nil }
        totals.countStale()
        return (Kept(value: value, age: age, isFresh: false), reserve(key, at: now))
    }

    @usableFromInline
    mutating func reserve(_ key: Key, at now: TimeSource.Instant) -> Refresh {
        guard refreshes[key] == nil, values.mayRefresh(key, at: now) else { return .none }
        guard !isShutDown, refreshTasks.count < configuration.maxRefreshes else {
            totals.refreshesRefused.increment()
            return .refused
        }
        let start = begin(at: now)
        refreshTasks[start.number] = .some(nil)
        refreshes[key] = start.number
        return .refresh(Flight(isRefresh: true, start: start))
    }

    /// A place among the callers that wait for the call of a key, and that call, if it is to be begun.
    @usableFromInline
    mutating func join(_ key: Key, at now: TimeSource.Instant) -> (place: Place, flight: Flight?) {
        if let number = joinable[key] {
            let place = Place(number: number)
            loads[number]?.waiters.append(place.waiter)
            return (place, nil)
        }
        let start = begin(at: now)
        let place = Place(number: start.number)
        loads[start.number] = Load(key: key, waiters: [place.waiter])
        joinable[key] = start.number
        return (place, Flight(isRefresh: false, start: start))
    }

    private mutating func begin(at now: TimeSource.Instant) -> ReadStart {
        lastNumber &+= 1
        return ReadStart(number: lastNumber, instant: now)
    }

    @usableFromInline
    mutating func begun(_ flight: Flight, _ task: Task<Void, Never>) {
        let number = flight.start.number
        if flight.isRefresh { refreshTasks[number] = task } else { loads[number]?.task = task }
    }

    /// What a caller does that is cancelled while it waits: it leaves, unless no other caller waits for the call. Then
    /// the call is cancelled, no caller joins it any more, and this one waits for its end.
    mutating func leave(_ place: Place) -> (hasLeft: Bool, cancelled: Task<Void, Never>?) {
        guard var load = loads[place.number],
            let index = load.waiters.firstIndex(where: { $0 === place.waiter })
        else { return (false, nil) }
        guard load.waiters.count > 1 else {
            if joinable[load.key] == place.number { joinable[load.key] = nil }
            return (false, load.task)
        }
        load.waiters.remove(at: index)
        loads[place.number] = load
        totals.cancelled.increment()
        return (true, nil)
    }

    // MARK: Ending

    /// Ends a refresh. The old value stays if there is no new one.
    mutating func endRefresh(
        _ flight: Flight, _ key: Key, _ result: RefreshResult, isCancelled: Bool, at now: TimeSource.Instant
    ) -> (end: End, dropped: LastGoodValues<Key, Value>.Dropped?) {
        let number = flight.start.number
        refreshTasks[number] = nil
        let isCurrent = refreshes[key] == number
        if isCurrent { refreshes[key] = nil }
        switch result {
        case .read(let value):
            let dropped = isCurrent ? remember(value, for: key, flight.start, at: now) : nil
            guard let dropped, !dropped.isRefused else {
                totals.refreshesDiscarded.increment()
                return (.discarded, dropped)
            }
            totals.refreshesSucceeded.increment()
            return (.refreshed, dropped)
        case .failed where isCancelled:
            totals.refreshesCancelled.increment()
            return (.cancelled, nil)
        case .failed(let error, let hint): return (failed(error, key, isCurrent, hint, at: now), nil)
        }
    }

    private mutating func failed(
        _ error: any Error, _ key: Key, _ isCurrent: Bool, _ hint: Duration?, at now: TimeSource.Instant
    ) -> End {
        totals.refreshesFailed.increment()
        if isCurrent {
            values.noteFailure(key, at: now) { configuration.wait(afterFailures: $0, hint) }
        }
        return .failed(error)
    }

    /// Ends a call that was made, for all callers that wait for it. It counts once.
    mutating func endLoad(
        _ flight: Flight, _ key: Key, _ result: Result<Loaded, any Error>, isCancelled: Bool,
        at now: TimeSource.Instant
    ) -> (waiters: [Waiter<Loaded>], dropped: LastGoodValues<Key, Value>.Dropped?) {
        let number = flight.start.number
        if joinable[key] == number { joinable[key] = nil }
        let waiters = loads.removeValue(forKey: number)?.waiters ?? []
        totals.joined = totals.joined.addingSaturated(max(0, waiters.count - 1))
        switch result {
        case .success(let loaded) where loaded.unaccepted == nil:
            totals.loaded.increment()
            return (waiters, remember(loaded.value, for: key, flight.start, at: now))
        case .failure where isCancelled: totals.cancelled.increment()
        case .success, .failure: totals.failed.increment()
        }
        return (waiters, nil)
    }

    // MARK: Keeping and forgetting

    /// Keeps a value that was read just now.
    mutating func remember(
        _ value: Value, for key: Key, at now: TimeSource.Instant
    ) -> LastGoodValues<Key, Value>.Dropped {
        remember(value, for: key, begin(at: now), at: now)
    }

    private mutating func remember(
        _ value: Value, for key: Key, _ start: ReadStart, at now: TimeSource.Instant
    ) -> LastGoodValues<Key, Value>.Dropped {
        let dropped = values.remember(value, for: key, readAt: start, at: now, configuration.retention)
        for case let entry? in [dropped.entries.0, dropped.entries.1] { withdraw(entry, at: now) }
        return dropped
    }

    /// A value that had to make room is not brought back by its refresh. One that was too old is.
    private mutating func withdraw(_ entry: LastGoodValues<Key, Value>.Entry, at now: TimeSource.Instant) {
        if entry.start.age(at: now) <= configuration.retention.maxAge { refreshes[entry.key] = nil }
    }

    mutating func forget(_ key: Key) -> LastGoodValues<Key, Value>.Entry? {
        refreshes[key] = nil
        joinable[key] = nil
        lastNumber &+= 1
        return values.forget(key, at: lastNumber)
    }

    mutating func forgetAll() -> LastGoodValues<Key, Value> {
        refreshes = [:]
        joinable = [:]
        return values.forgetAll(at: lastNumber)
    }

    mutating func update(
        _ configuration: StaleWhileRevalidateConfiguration, at now: TimeSource.Instant
    ) -> [LastGoodValues<Key, Value>.Entry] {
        self.configuration = configuration
        let removed = values.trim(to: configuration.maxKeys)
        for entry in removed { withdraw(entry, at: now) }
        return removed
    }
}
