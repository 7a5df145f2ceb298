public import ResilienceCore

/// A clock that stands still until a test moves it.
///
/// Nothing waits for real time, so that a test of a one-hour break takes microseconds and ends the same way every time:
///
/// ```swift
/// let clock = ManualClock()
/// async let receipt = payments.execute { try await gateway.charge(order) }
/// try await clock.waitForSleepers(1)  // the call waits between two attempts
/// clock.advance(by: .seconds(1))
/// _ = try await receipt
/// ```
///
/// A task that is woken runs after ``advance(by:)`` has returned, or at the same time on another thread; what it then
/// sleeps for counts from where the clock stands by that time. To go through such a sequence step by step, wait for the
/// sleepers and advance to each deadline. A timer, which is how the strategies of this package keep limits, runs within
/// the advance, and one that sets another is followed by it in the same advance.
public final class ManualClock: Clock, Sendable {
    /// What the clock measures in.
    public typealias Duration = Swift.Duration

    private enum Entry {
        case sleeper(Sleeper)
        case timer(@Sendable () -> Void)
    }

    /// A task that sleeps. What changes is guarded by the clock's lock, so that overlapping accesses need not be looked
    /// for.
    private final class Sleeper: @unchecked Sendable {
        @exclusivity(unchecked) var continuation: UnsafeContinuation<Void, any Error>?
        @exclusivity(unchecked) var id: Queue.ID?
        @exclusivity(unchecked) var isCancelled = false
    }

    private typealias SleepEnd = (continuation: UnsafeContinuation<Void, any Error>, error: CancellationError?)

    private struct State {
        var now = Instant()
        var queue = Queue()
        var sleepers = AwaitedCount()
        var timers = AwaitedCount()

        var firstDeadline: Instant? { queue.firstDeadline.map { Instant(offset: Duration(attoseconds: $0)) } }

        mutating func insert(_ entry: Entry, at instant: Instant) -> Queue.ID {
            queue.insert(entry, at: instant.offset.attoseconds)
        }

        mutating func remove(_ id: Queue.ID) -> Entry? { count(out: queue.remove(id)) }

        /// The clock shows the deadline of what is taken.
        mutating func takeDue(until instant: Instant) -> Entry? {
            now = max(now, min(instant, firstDeadline ?? instant))
            return count(out: queue.popFirst(dueAt: instant.offset.attoseconds))
        }

        private mutating func count(out entry: Entry?) -> Entry? {
            switch entry {
            case .sleeper: sleepers.decrement()
            case .timer: timers.decrement()
            case nil: break
            }
            return entry
        }
    }

    /// By attoseconds, whose comparison is inlined; that of durations is a call for each, and there are dozens for
    /// every sleeper among many.
    private typealias Queue = DeadlineQueue<Int128, Entry>

    private let state = Lock(State())

    /// Creates a clock that shows zero.
    public init() {}

    /// Where the clock stands.
    public var now: Instant { state.withLock { $0.now } }

    /// One nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends until the clock has been moved to an instant; returns at once if it stands there or later.
    ///
    /// - Parameters:
    ///   - deadline: When to return.
    ///   - tolerance: Has no effect: a manual clock is exact.
    /// - Throws: `CancellationError` as soon as the task is cancelled, also if it was before.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try Task.checkCancellation()
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { insert(sleeper, until: deadline, $0) }
        } onCancel: {
            self.cancel(sleeper)
        }
        #if THREAD_SANITIZER
            // The sanitizer sees locks, and does not see that a continuation wakes after it was resumed.
            state.withLock { _ in }
        #endif
    }

    /// How many tasks sleep on the clock.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// How many timers of strategies are set on the clock: the limits of calls under a timeout, for example.
    public var timerCount: Int { state.withLock { $0.timers.count } }

    /// The earliest moment for which a task sleeps or a timer is set, or `nil` if there is none.
    public var nextDeadline: Instant? { state.withLock { $0.firstDeadline } }

    /// Moves the clock forward, waking the tasks and firing the timers that become due.
    ///
    /// They are taken in the order of their deadlines, and of their registration where these are equal; the clock shows
    /// the deadline of each. A duration that is negative changes nothing. Of two advances at once by a duration, each
    /// counts from where the clock stands when it begins.
    public func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration))
    }

    /// Moves the clock to an instant, waking the tasks and firing the timers that become due.
    ///
    /// Otherwise the same as ``advance(by:)``. An instant that has passed changes nothing.
    public func advance(to instant: Instant) {
        while let entry = state.withLock({ $0.takeDue(until: instant) }) {
            switch entry {
            case .sleeper(let sleeper): sleeper.continuation?.resume()
            case .timer(let action): action()
            }
        }
    }

    /// Moves the clock to the earliest moment for which a task sleeps or a timer is set.
    ///
    /// - Returns: That moment, or `nil` if there was none and nothing changed.
    @discardableResult
    public func advanceToNextDeadline() -> Instant? {
        guard let deadline = nextDeadline else { return nil }
        advance(to: deadline)
        return deadline
    }

    /// Suspends until at least so many tasks sleep on the clock.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func waitForSleepers(_ count: Int) async throws {
        guard let waiter = state.withLock({ $0.sleepers.waiter(for: count) }) else { return }
        try await waiter.value { [self] in state.withLock { $0.sleepers.forget(waiter) } }
    }

    /// Suspends until at least so many timers of strategies are set on the clock.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func waitForTimers(_ count: Int) async throws {
        guard let waiter = state.withLock({ $0.timers.waiter(for: count) }) else { return }
        try await waiter.value { [self] in state.withLock { $0.timers.forget(waiter) } }
    }

    /// Adds a sleeper, or wakes it if its deadline has come or its task is cancelled.
    private func insert(
        _ sleeper: Sleeper, until deadline: Instant, _ continuation: UnsafeContinuation<Void, any Error>
    ) {
        let (end, arrived) = state.withLock { state -> (SleepEnd?, [Waiter<Void>]) in
            guard !sleeper.isCancelled else { return ((continuation, CancellationError()), []) }
            guard deadline > state.now else { return ((continuation, nil), []) }
            sleeper.continuation = continuation
            sleeper.id = state.insert(.sleeper(sleeper), at: deadline)
            return (nil, state.sleepers.increment())
        }
        if let end { Self.wake(end) }
        arrived.finish()
    }

    private func cancel(_ sleeper: Sleeper) {
        let end = state.withLock { state -> SleepEnd? in
            sleeper.isCancelled = true
            guard let id = sleeper.id, state.remove(id) != nil else { return nil }
            return sleeper.continuation.map { ($0, CancellationError()) }
        }
        if let end { Self.wake(end) }
    }

    private static func wake(_ end: SleepEnd) {
        if let error = end.error { end.continuation.resume(throwing: error) } else { end.continuation.resume() }
    }

    /// Removes a timer. The caller that removes an entry is the only one to wake or fire it.
    ///
    /// What is removed is released outside the lock: it may own something that comes back to the clock.
    private func remove(_ id: Queue.ID) {
        let entry = state.withLock { $0.remove(id) }
        _ = entry
    }
}

extension ManualClock: TimerClock {
    private struct Timer: ScheduledTimer {
        let clock: ManualClock
        let id: Queue.ID?

        func cancel() {
            if let id { clock.remove(id) }
        }
    }

    /// Runs `action` within the advance that reaches `instant`, or at once if the clock stands there or later.
    public func schedule(at instant: Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        let (id, arrived) = state.withLock { state -> (Queue.ID?, [Waiter<Void>]) in
            guard instant > state.now else { return (nil, []) }
            let id = state.insert(.timer(action), at: instant)
            return (id, state.timers.increment())
        }
        arrived.finish()
        if id == nil { action() }
        return Timer(clock: self, id: id)
    }
}
