internal import Synchronization

/// The circuit breaker that a user would write: three states, a failure rate over the last 100 calls, one probe.
/// Without names, events, totals, slow calls, generations, or a limit on how long a probe may take.
struct NaiveState {
    struct OpenError: Error {}

    private enum Phase {
        case closed
        case open(until: ContinuousClock.Instant)
        case halfOpen
    }

    private var phase = Phase.closed
    private var failed = [Bool](repeating: false, count: 100)
    private var next = 0
    private var calls = 0
    private var failures = 0

    mutating func admit() throws(OpenError) {
        switch phase {
        case .closed: return
        case .open(let until):
            guard ContinuousClock.now >= until else { throw OpenError() }
            phase = .halfOpen
        case .halfOpen: throw OpenError()
        }
    }

    mutating func record(isFailure: Bool) {
        if case .halfOpen = phase {
            self = NaiveState()
            if isFailure { open() }
            return
        }
        if failed[next] { failures -= 1 }
        failed[next] = isFailure
        if isFailure { failures += 1 }
        next = (next + 1) % failed.count
        calls = min(calls + 1, failed.count)
        if calls >= 20 && Double(failures) / Double(calls) >= 0.5 { open() }
    }

    mutating func open() {
        phase = .open(until: .now + .seconds(3600))
    }
}

/// The naive breaker as an actor.
actor NaiveActorBreaker {
    private var state = NaiveState()

    func open() { state.open() }

    func execute<Value: Sendable>(_ operation: @Sendable () async throws -> Value) async throws -> Value {
        try state.admit()
        do {
            let value = try await operation()
            state.record(isFailure: false)
            return value
        } catch {
            state.record(isFailure: true)
            throw error
        }
    }
}

/// The naive breaker with a mutex.
final class NaiveMutexBreaker: Sendable {
    private let state = Mutex(NaiveState())

    func open() { state.withLock { $0.open() } }

    func execute<Value>(_ operation: () async throws -> Value) async throws -> Value {
        try state.withLock { try $0.admit() }
        do {
            let value = try await operation()
            state.withLock { $0.record(isFailure: false) }
            return value
        } catch {
            state.withLock { $0.record(isFailure: true) }
            throw error
        }
    }
}
