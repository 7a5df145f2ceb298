import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

typealias KeyedConfiguration = RateLimiter.KeyedConfiguration

/// A keyed limiter on a clock of its own.
struct KeyedStage<Key: Hashable & Sendable> {
    let clock: ManualClock
    let recorder = EventRecorder()
    let limiter: KeyedRateLimiter<Key>

    init(_ configuration: KeyedConfiguration, clock: ManualClock = ManualClock(), observed: Bool = false) throws {
        self.clock = clock
        limiter = try KeyedRateLimiter("test", configuration, clock: clock, observers: observed ? [recorder] : [])
    }

    /// Starts a task that waits for permits, and returns when it does.
    func startWaiting(
        for key: Key, permits: Int = 1, maxWait: Duration = .seconds(1000)
    ) async -> Task<Void, any Error> {
        let before = limiter.waiting(for: key)
        let limiter = limiter
        let task = Task { try await limiter.acquire(for: key, permits: permits, maxWait: maxWait) }
        await yield { limiter.waiting(for: key) > before }
        return task
    }

    var events: [RateLimiter.KeyedEvent] { recorder.events(of: RateLimiter.KeyedEvent.self) }
}

/// Lets other tasks run until something is so.
func yield(until condition: () -> Bool) async {
    while !condition() { await Task.yield() }
}

extension RateLimiter.Rule {
    /// One of each kind, with a burst of 5.
    static let kinds: [RateLimiter.Rule] = [
        .tokenBucket(1, per: .seconds(1), burst: 5), .tokenBucket(3, per: .seconds(1), burst: 5),
        .fixedWindow(5, per: .seconds(5)), .slidingWindow(5, per: .seconds(5)), .slidingLog(5, per: .seconds(5)),
        .pacing(1, per: .seconds(1)),
    ]
}

/// A context key that the tests find keys under.
enum Tenant: ContextKey {
    typealias Value = String
}
