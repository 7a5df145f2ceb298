internal import Bulkheads
internal import ResilienceCore
internal import Synchronization

extension Row {
    static let bulkheads = [
        freeSlot, freeSlot.withTwoCallers(),
        naiveBulkhead, naiveBulkhead.withTwoCallers(),
        naiveBulkheadActor, naiveBulkheadActor.withTwoCallers(),
        free("bulkhead, free slot, with a queue", .init(limit: .fixed(32), queue: .init(capacity: 100))),
        free("bulkhead, free slot, partitions", .init(limit: .fixed(32), partitions: ["gold": 0.5])),
        free("bulkhead, free slot, adaptive (AIMD)", .init(limit: .adaptive(.aimd()))),
        free("bulkhead, free slot, adaptive (windowed Gradient2)", .init(limit: .adaptive(.windowed(.gradient2())))),
        Row("bulkhead, free slot, no-op observer", .library) {
            let bulkhead = try Bulkhead("observed", limit: 32, observers: [NoOpObserver()])
            return { try await call(bulkhead, $0) }
        },
        Row("bulkhead, permit by hand", .library) {
            let bulkhead = try Bulkhead("permit", limit: 32)
            return { count in
                var sum = 0
                for _ in 0..<count {
                    let permit = try bulkhead.tryAcquirePermit()
                    sum = try await operation(sum)
                    permit.release()
                }
                consume(sum)
            }
        },
        Row("bulkhead, full, rejected", .library) {
            let bulkhead = try Bulkhead("full", limit: 0)
            return { count in
                for _ in 0..<count {
                    do { _ = try await bulkhead.execute { try await operation(0) } } catch {}
                }
            }
        },
    ]

    private static let freeSlot = free("bulkhead, free slot", .init(limit: .fixed(32)))

    private static let naiveBulkhead = Row("naive semaphore of Mutex and continuations", .alternative) {
        let semaphore = NaiveSemaphore(32)
        return { count in
            var sum = 0
            for _ in 0..<count { sum = try await semaphore.execute { try await operation(sum) } }
            consume(sum)
        }
    }

    private static let naiveBulkheadActor = Row("naive actor semaphore", .alternative) {
        let semaphore = NaiveActorSemaphore(32)
        return { count in
            var sum = 0
            for _ in 0..<count { sum = try await semaphore.execute { [sum] in try await operation(sum) } }
            consume(sum)
        }
    }

    private static func free(_ name: String, _ configuration: Bulkhead.Configuration) -> Row {
        Row(name, .library) {
            let bulkhead = try Bulkhead("free", configuration)
            return { try await call(bulkhead, $0) }
        }
    }
}

@inline(never)
private func call(_ bulkhead: Bulkhead, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await bulkhead.execute { try await operation(sum) } }
    consume(sum)
}

/// The limit that a user would write: a count and those who wait, behind a mutex. Without a bound on the queue or the
/// wait, names, events, totals, and without leaving the queue when cancelled.
final class NaiveSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ limit: Int) {
        state = Mutex(State(free: limit))
    }

    func execute<Value>(_ operation: () async throws -> Value) async throws -> Value {
        let isFree = state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
        if !isFree { await wait() }
        defer { release() }
        return try await operation()
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func release() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

/// The same as an actor.
actor NaiveActorSemaphore {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ limit: Int) {
        free = limit
    }

    func execute<Value: Sendable>(_ operation: @Sendable () async throws -> Value) async throws -> Value {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
        defer { release() }
        return try await operation()
    }

    private func release() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
