/// A store of pauses in this process: for tests, and where one process has several clients of one service.
public final class InMemoryPauseStore: PauseStore {
    private struct State: Sendable {
        var ends: [String: TimeSource.Instant] = [:]
        var listeners: [Int: AsyncStream<Pause>.Continuation] = [:]
        var next = 0
    }

    private typealias Pause = (service: String, end: TimeSource.Instant)

    private let time: TimeSource
    private let state = Lock(State())

    /// Creates an empty store.
    ///
    /// - Parameter clock: The store's clock. Default: the continuous clock.
    public init(clock: some Clock<Duration> = ContinuousClock()) {
        time = TimeSource(clock)
    }

    /// Announces a pause, and tells how long the service is paused. Never fails.
    public func pause(_ service: String, for delay: Duration) async throws -> Duration { announce(service, delay) }

    private func announce(_ service: String, _ delay: Duration) -> Duration {
        let now = time.now
        return state.withLock { state in
            let known = state.ends[service].flatMap { $0 > now ? $0 : nil }
            let end = max(known ?? now, now.advanced(by: min(max(.zero, delay), .seconds(86_400))))
            if end > known ?? now {
                // Those that are over are forgotten whenever there is something new to remember.
                state.ends = state.ends.filter { $0.value > now }
                state.ends[service] = end
                // Within the lock, so that they arrive in their order. Nothing is called but the stream.
                for listener in state.listeners.values { listener.yield((service, end)) }
            }
            return now.duration(to: end)
        }
    }

    /// Tells each pause that is announced, until the task is cancelled. A listener that is slow misses the oldest of
    /// more than 256 that wait.
    ///
    /// - Throws: `CancellationError` once cancelled.
    public func pauses(onPause: @escaping @Sendable (_ service: String, _ remaining: Duration) -> Void) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Pause.self, bufferingPolicy: .bufferingNewest(256))
        let number = add(continuation)
        defer { remove(number) }
        for await pause in stream {
            let remaining = time.now.duration(to: pause.end)
            if remaining > .zero { onPause(pause.service, remaining) }
        }
        throw CancellationError()
    }

    private func add(_ listener: AsyncStream<Pause>.Continuation) -> Int {
        state.withLock { state in
            state.next += 1
            state.listeners[state.next] = listener
            return state.next
        }
    }

    private func remove(_ number: Int) {
        let listener = state.withLock { $0.listeners.removeValue(forKey: number) }
        listener?.finish()
    }
}
