public import ResilienceCore
public import Synchronization

/// The last good values of a fallback, behind a lock.
///
/// Inlinable where calls go through it, so that the module which names the types specialises it: generically, keeping a
/// value costs ten times as much, most of it to look up metadata. But not inlined into asynchronous callers; see
/// `Lock`.
@usableFromInline
final class LastGoodKeeper<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline
    struct State {
        @usableFromInline var values = LastGoodValues<Key, Value>()
        /// `nil` if nothing is to be kept.
        @usableFromInline var retention: LastGoodRetention?

        init(retention: LastGoodRetention?) {
            self.retention = retention
        }
    }

    @usableFromInline let time: TimeSource
    @usableFromInline let active: Atomic<Bool>
    /// The number of the read that began last, or of what was forgotten last.
    @usableFromInline let lastNumber = Atomic<UInt64>(0)
    @usableFromInline let state: Lock<State>

    init(_ time: TimeSource, _ retention: LastGoodRetention?) {
        self.time = time
        active = Atomic(retention != nil)
        state = Lock(State(retention: retention))
    }

    /// Whether values are kept at all. Relaxed: from about the moment in which the configuration says so.
    @inlinable var isActive: Bool { active.load(ordering: .relaxed) }

    /// Begins a read, `nil` if nothing is kept. The reading of the clock is the only one of a call that succeeds.
    @inlinable
    func begin() -> ReadStart? {
        guard isActive else { return nil }
        return ReadStart(number: lastNumber.wrappingAdd(1, ordering: .relaxed).newValue, instant: time.now)
    }

    /// Keeps what a read has brought.
    @inlinable
    @inline(never)
    func remember(_ value: Value, for key: Key, readAt start: ReadStart) {
        // What is dropped is the user's, and released outside the lock.
        let dropped = state.withLock { state -> LastGoodValues<Key, Value>.Dropped? in
            guard let retention = state.retention else { return nil }
            return state.values.remember(value, for: key, readAt: start, at: start.instant, retention)
        }
        _ = dropped
    }

    @inlinable
    @inline(never)
    func recall(_ key: Key) -> (value: Value, age: Duration, countedAge: Duration)? {
        let now = time.now
        return state.withLock { $0.values.recall(key, at: now) }
    }

    func forget(_ key: Key) {
        // Numbered under the lock: what is kept by then began before.
        let dropped = state.withLock { state in
            state.values.forget(key, at: lastNumber.wrappingAdd(1, ordering: .relaxed).newValue)
        }
        _ = dropped
    }

    func forgetAll() {
        let dropped = state.withLock { state in
            state.values.forgetAll(at: lastNumber.wrappingAdd(1, ordering: .relaxed).newValue)
        }
        _ = dropped
    }

    var count: Int { state.withLock { $0.values.count } }

    /// Keeps values by other limits from now on, and lets go those that are too many. Without any limits, all of them.
    ///
    /// - Returns: What is to be released outside of every lock.
    func retain(_ retention: LastGoodRetention?) -> [LastGoodValues<Key, Value>.Entry] {
        state.withLock { state in
            active.store(retention != nil, ordering: .relaxed)
            state.retention = retention
            return state.values.trim(to: retention?.capacity ?? 0)
        }
    }
}
