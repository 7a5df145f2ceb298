import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

typealias KeyedConfiguration = RateLimiter.KeyedConfiguration

/// A keyed limiter on a manual clock, and calls on one thread, which so take the same course every time.
struct KeyedStage<Key: Hashable & Sendable> {
    let clock: ManualClock
    let recorder = EventRecorder()
    let limiter: KeyedRateLimiter<Key>
    let executor = SteppingExecutor()

    init(_ configuration: KeyedConfiguration, clock: ManualClock = ManualClock(), observed: Bool = false) throws {
        self.clock = clock
        limiter = try KeyedRateLimiter("test", configuration, clock: clock, observers: observed ? [recorder] : [])
    }

    /// Starts a call that has to wait, and returns when it does.
    func startWaiting<Value: Sendable>(
        for key: Key, _ call: @escaping @Sendable (KeyedRateLimiter<Key>) async throws -> Value
    ) -> Task<Value, any Error> {
        let before = limiter.waiting(for: key)
        let task = Task(executorPreference: executor) { [limiter] in try await call(limiter) }
        executor.drain()
        #expect(limiter.waiting(for: key) == before + 1)
        return task
    }

    /// Starts a call that has to wait for permits, and returns when it does.
    func startWaiting(
        for key: Key, permits: Int = 1, maxWait: Duration = .seconds(1000)
    ) -> Task<Void, any Error> {
        startWaiting(for: key) { try await $0.acquire(for: key, permits: permits, maxWait: maxWait) }
    }

    func cancel(_ task: Task<Void, any Error>) {
        task.cancel()
        executor.drain()
    }

    func advance(by duration: Duration) { clock.advance(by: duration, running: executor) }

    func update(_ configuration: KeyedConfiguration) throws {
        try limiter.update(configuration)
        executor.drain()
    }

    var events: [RateLimiter.KeyedEvent] { recorder.events(of: RateLimiter.KeyedEvent.self) }
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
