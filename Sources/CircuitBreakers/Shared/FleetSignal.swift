internal import ResilienceCore
internal import Synchronization

/// Wakes the one task that keeps a breaker in touch with its fleet. What comes while it is awake is not lost, and what
/// comes several times wakes it once.
final class FleetSignal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: Waiter<Void>?
    }

    private let state = Lock(State())
    /// Whether the signal is up already: a failure then costs one load.
    private let isRaised = Atomic(false)
    private let hasFailed = Atomic(false)
    private let wakesOnFailure = Atomic(false)

    /// A call has failed. Sequentially consistent, with ``wait(until:wakingOnFailure:on:)``: a failure that comes as
    /// the wait begins is seen by one of the two.
    func failed() {
        hasFailed.store(true, ordering: .sequentiallyConsistent)
        if wakesOnFailure.load(ordering: .sequentiallyConsistent) { raise() }
    }

    /// Whether a call has failed since this was last asked.
    func takeFailure() -> Bool { hasFailed.exchange(false, ordering: .sequentiallyConsistent) }

    func raise() {
        guard !isRaised.load(ordering: .acquiring) else { return }
        let waiter = state.withLock { state in
            state.isRaised = true
            isRaised.store(true, ordering: .releasing)
            return state.waiter.take()
        }
        waiter?.finish()
    }

    /// Suspends until the signal is raised, which takes it down, or a moment has come.
    ///
    /// - Parameter wakesOnFailure: Whether a failure raises it.
    /// - Throws: `CancellationError` if the task is cancelled first.
    func wait(
        until deadline: TimeSource.Instant, wakingOnFailure wakesOnFailure: Bool, on time: TimeSource
    ) async throws {
        try Task.checkCancellation()
        self.wakesOnFailure.store(wakesOnFailure, ordering: .sequentiallyConsistent)
        if wakesOnFailure, hasFailed.load(ordering: .sequentiallyConsistent) { return }
        let waiter = Waiter<Void>()
        guard begin(waiter) else { return }
        let timer = time.schedule(at: deadline) { waiter.finish() }
        defer {
            timer.cancel()
            end()
        }
        try await waiter.value { true }
    }

    /// - Returns: Whether there is something to wait for.
    private func begin(_ waiter: Waiter<Void>) -> Bool {
        state.withLock { state in
            if state.isRaised {
                lowerLocked(&state)
                return false
            }
            state.waiter = waiter
            return true
        }
    }

    private func end() { state.withLock { lowerLocked(&$0) } }

    private func lowerLocked(_ state: inout State) {
        state.isRaised = false
        state.waiter = nil
        isRaised.store(false, ordering: .releasing)
    }
}

/// What a breaker knows of its fleet: the signal to wake it with.
final class FleetLink: Sendable {
    private let signal = Lock<FleetSignal?>(nil)
    private let isLinked = Atomic(false)
    private let hasChanged = Atomic(false)

    func link(to new: FleetSignal?) {
        signal.replace(with: new)
        isLinked.store(new != nil, ordering: .releasing)
    }

    /// A call has failed. Outside all locks, because what wakes may run an executor of the user's.
    @inline(__always)
    func failed() {
        if isLinked.load(ordering: .relaxed) { current?.failed() }
    }

    /// The state has changed. Under the breaker's lock; ``signalChange()`` follows outside.
    func noteChange() { hasChanged.store(true, ordering: .relaxed) }

    func signalChange() {
        guard isLinked.load(ordering: .relaxed), hasChanged.exchange(false, ordering: .relaxed) else { return }
        current?.raise()
    }

    @inline(never)
    private var current: FleetSignal? { signal.withLock { $0 } }
}
