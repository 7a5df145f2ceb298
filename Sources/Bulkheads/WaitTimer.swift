internal import ResilienceCore

/// The timer that ends waits: one for all that wait in a bulkhead.
///
/// It stays set when the wait it was set for ends, finds nothing due then, and is set again: waits that end early set
/// no timers.
final class WaitTimer: Sendable {
    private let time: TimeSource
    private let slot = Lock(TimerSlot())

    init(_ time: TimeSource) {
        self.time = time
    }

    deinit {
        slot.withLock { $0.clear() }?.cancel()
    }

    /// Sees to it that `action` runs at the deadline or before; to be called outside every lock.
    func arm(_ deadline: TimeSource.Instant, _ action: @escaping @Sendable () -> Void) {
        guard let number = slot.withLock({ $0.claim(at: deadline) }) else { return }
        // Outside the lock, because the clock may fire it at once.
        let new = time.schedule(at: deadline) { [weak self] in
            if self?.slot.withLock({ $0.fire(number) }) == true { action() }
        }
        slot.withLock { $0.keep(new, number) }?.cancel()
    }
}
