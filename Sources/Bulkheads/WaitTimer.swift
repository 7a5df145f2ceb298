internal import ResilienceCore

/// The timer that ends waits: one for all that wait in a bulkhead.
///
/// It stays set when the wait it was set for ends, finds nothing due then, and is set anew: waits that end early set no
/// timers.
final class WaitTimer: Sendable {
    private struct State {
        var scheduled: (any ScheduledTimer)?
        var firesAt = TimeSource.Instant(nanoseconds: .max)
        /// Tells the timer that is set from one that was replaced before it was known here.
        var number: UInt64 = 0
    }

    private let time: TimeSource
    private let state = Lock(State())

    init(_ time: TimeSource) {
        self.time = time
    }

    deinit {
        state.withLock { $0.scheduled }?.cancel()
    }

    /// Sees to it that `action` runs at the deadline or before; to be called outside every lock.
    func arm(_ deadline: TimeSource.Instant, _ action: @escaping @Sendable () -> Void) {
        let number = state.withLock { state -> UInt64? in
            guard deadline < state.firesAt else { return nil }
            state.firesAt = deadline
            state.number &+= 1
            return state.number
        }
        guard let number else { return }
        // Outside the lock, because the clock may fire it at once.
        let new = time.schedule(at: deadline) { [weak self] in
            if self?.fires(number) == true { action() }
        }
        let unneeded = state.withLock { state -> (any ScheduledTimer)? in
            guard state.number == number else { return new }
            defer { state.scheduled = new }
            return state.scheduled
        }
        unneeded?.cancel()
    }

    /// Whether a timer that has come due is the one that is set.
    private func fires(_ number: UInt64) -> Bool {
        state.withLock { state in
            guard state.number == number else { return false }
            state.scheduled = nil
            state.firesAt = TimeSource.Instant(nanoseconds: .max)
            return true
        }
    }
}
