internal import ResilienceCore

/// A store in the memory of one process: for tests, and for several breakers in it that share what they learn.
///
/// It is what other stores are compared with, and has no state beyond ``SharedCircuitRecord``.
public final class InMemoryCircuitStore: CircuitStore {
    private struct State {
        var records: [String: SharedCircuitRecord] = [:]
        var listeners: [UInt64: Listener] = [:]
        var nextListener: UInt64 = 0
    }

    private struct Listener {
        let circuits: Set<String>
        let continuation: AsyncStream<Change>.Continuation
    }

    private typealias Change = (circuit: String, state: SharedCircuit)

    private let time: TimeSource
    private let state = Lock(State())

    /// Creates an empty store.
    ///
    /// - Parameter clock: The store's clock. Default: the continuous clock.
    public init(clock: some Clock<Duration> = ContinuousClock()) {
        time = TimeSource(clock)
    }

    /// Merges what a node has counted, does what it asks for, and tells what is known then. Never fails.
    public func exchange(_ report: CircuitReport) async throws -> SharedCircuit { merge(report) }

    private func merge(_ report: CircuitReport) -> SharedCircuit {
        state.withLock { state in
            var record = state.records.removeValue(forKey: report.circuit) ?? SharedCircuitRecord()
            let epoch = record.epoch
            let now = time.now.nanoseconds / 1000
            let reply = record.merge(report, now: now)
            if record.epoch != epoch {
                let change = (report.circuit, record.state(now: now))
                // Within the lock, so that changes arrive in their order. Nothing is called but the stream.
                for listener in state.listeners.values where listener.circuits.contains(report.circuit) {
                    listener.continuation.yield(change)
                }
            }
            state.records[report.circuit] = record
            return reply
        }
    }

    /// Tells each change of the phase of some circuits, until the task is cancelled. A listener that is slow misses the
    /// oldest of more than 256 that wait.
    ///
    /// - Throws: `CancellationError` once cancelled.
    public func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Change.self, bufferingPolicy: .bufferingNewest(256))
        let number = add(Listener(circuits: Set(circuits), continuation: continuation))
        defer { remove(number) }
        for await change in stream { onChange(change.circuit, change.state) }
        throw CancellationError()
    }

    private func add(_ listener: Listener) -> UInt64 {
        state.withLock { state in
            state.nextListener &+= 1
            state.listeners[state.nextListener] = listener
            return state.nextListener
        }
    }

    private func remove(_ number: UInt64) {
        let removed = state.withLock { $0.listeners.removeValue(forKey: number) }
        removed?.continuation.finish()
    }

    /// Forgets everything, as a server does that is flushed or restarted without persistence.
    public func removeAll() {
        let removed = state.withLock { state in
            defer { state.records = [:] }
            return state.records
        }
        _ = removed
    }
}
