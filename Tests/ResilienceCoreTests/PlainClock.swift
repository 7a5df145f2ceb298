import ResilienceTesting

/// A manual clock that fires no timers itself, so that a scheduler's own task has to sleep on it.
final class PlainClock: Clock {
    let base: ManualClock
    private let onDeinit: @Sendable () -> Void

    init(_ base: ManualClock, onDeinit: @escaping @Sendable () -> Void = {}) {
        self.base = base
        self.onDeinit = onDeinit
    }

    deinit { onDeinit() }

    var now: ManualClock.Instant { base.now }
    var minimumResolution: Duration { base.minimumResolution }

    func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {
        try await base.sleep(until: deadline, tolerance: tolerance)
    }
}
