internal import ResilienceCore

/// A store of quotas in this process: for tests, and where one process has several limiters of one quota.
///
/// It keeps a quota only while permits of it are in use, and so many at most.
public final class InMemoryRateStore: RateStore {
    private struct ID: Hashable, Sendable {
        let quota: String
        let key: String?
    }

    private struct State: Sendable {
        var records: [ID: SharedQuotaRecord] = [:]
        /// At how many records those that are full are looked for.
        var sweepAt = 64
        /// Until when they are not looked for again if there is no room, in microseconds.
        var restsUntil = Int64.min
    }

    private let time: TimeSource
    private let maxQuotas: Int
    private let state = Lock(State())

    /// Creates an empty store.
    ///
    /// - Parameters:
    ///   - maxQuotas: The most quotas and keys that are in use at once, 1 or more. Default: 100 000.
    ///   - clock: The store's clock. Default: the continuous clock.
    public init(maxQuotas: Int = 100_000, clock: some Clock<Duration> = ContinuousClock()) {
        time = TimeSource(clock)
        self.maxQuotas = max(1, maxQuotas)
    }

    /// How many quotas are kept.
    public var count: Int { state.withLock { $0.records.count } }

    /// Takes permits, as many as there are and as were asked for.
    ///
    /// - Throws: `SharedStateError.unavailable` if as many others are in use as it may keep.
    public func take(_ request: PermitRequest) async throws -> PermitGrant {
        try takeNow(request)
    }

    private func takeNow(_ request: PermitRequest) throws -> PermitGrant {
        let nanoseconds = time.now.nanoseconds
        let now = nanoseconds >= 0 ? nanoseconds / 1000 : (nanoseconds - 999) / 1000
        return try state.withLock { state throws(SharedStateError) in
            let id = ID(quota: request.quota, key: request.key)
            var record = state.records[id] ?? SharedQuotaRecord()
            let isNew = state.records[id] == nil
            if isNew, state.records.count >= min(state.sweepAt, maxQuotas) {
                if now >= state.restsUntil {
                    state.records = state.records.filter { !$0.value.isFull(now: now) }
                    state.sweepAt = max(64, 2 * state.records.count)
                }
                guard state.records.count < maxQuotas else {
                    state.restsUntil = max(state.restsUntil, now.addingSaturated(100_000))
                    throw .unavailable("\(maxQuotas) quotas are in use, and no more are kept")
                }
            }
            let grant = record.take(request, now: now)
            if record.isFull(now: now), !isNew {
                state.records[id] = nil
            } else if !record.isFull(now: now) {
                state.records[id] = record
            }
            return grant
        }
    }
}
