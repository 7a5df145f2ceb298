internal import ResilienceCore
internal import Synchronization

/// Lets calls in until it is closed, knows when the last one has left, and can cancel those that have not.
final class AdmissionGate: Sendable {
    /// The calls of one shard, by slot.
    private struct Shard {
        var tasks: [RunningTask?] = []
        var free: [Int] = []
        var isCancelling = false
    }

    /// The place of a call that was let in; given back by ``leave(_:)``.
    struct Ticket {
        fileprivate let shard: Int
        fileprivate let slot: Int
    }

    /// The gates that the current task is within, so that calls which it needs to come to its end get in.
    @TaskLocal private static var gatesAround: [ObjectIdentifier] = []

    /// Calls that are in, with ``closed`` added once nobody gets in any more.
    private let word = Atomic<Int>(0)
    private static let closed = 1 << 62
    private let emptiness = Lock(Emptiness())
    private let shards: [SharedLock]
    private let name = Name()
    /// This gate alone, the usual task-local value; made once, so that a call allocates nothing for it.
    private let alone: [ObjectIdentifier]

    private struct Emptiness {
        var isReached = false
        var waiters: [Waiter<Bool>] = []
    }

    private final class Name: Sendable {}

    private final class SharedLock: Sendable {
        let state = Lock(Shard())
    }

    init() {
        alone = [ObjectIdentifier(name)]
        shards = (0..<8).map { _ in SharedLock() }
    }

    /// How many calls are in.
    var count: Int { word.load(ordering: .acquiring) & ~Self.closed }

    /// Whether nobody gets in any more.
    var isClosed: Bool { word.load(ordering: .acquiring) & Self.closed != 0 }

    /// Runs a call, unless the gate is closed. A call within a call gets in as long as the outer one runs.
    ///
    /// - Throws: What `refusal` makes, if the gate is closed; otherwise what `body` throws.
    nonisolated(nonsending) func admit(
        refusal: () -> any Error, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        let around = Self.gatesAround
        let isNested = around.contains(ObjectIdentifier(name))
        guard enter(isNested: isNested) else { throw refusal() }
        let ticket = register()
        do {
            if isNested {
                try await body()
            } else {
                let gates = around.isEmpty ? alone : around + alone
                try await Self.$gatesAround.withValue(gates) { try await body() }
            }
        } catch {
            leave(ticket)
            throw error
        }
        leave(ticket)
    }

    /// Counts a call in.
    ///
    /// Lock-free. The count and the mark of the closed gate share a word, so that a call is either counted before the gate
    /// closes, and then waited for, or sees that it is closed: the exchange fails if the word changed in between. There is
    /// no moment at which a refused call is counted, so that only the last call to leave finds the count at zero.
    private func enter(isNested: Bool) -> Bool {
        var current = word.load(ordering: .relaxed)
        while true {
            // A nested call may come after the gate has closed, but not after the last call has left.
            if current & Self.closed != 0, !isNested || current == Self.closed { return false }
            let (exchanged, original) = word.weakCompareExchange(
                expected: current, desired: current &+ 1, ordering: .acquiring)
            if exchanged { return true }
            current = original
        }
    }

    private func register() -> Ticket {
        let task = RunningTask()
        let shard = (ObjectIdentifier(task).hashValue >> 4) & (shards.count - 1)
        let (slot, isCancelling) = shards[shard].state.withLock { state -> (Int, Bool) in
            if let slot = state.free.popLast() {
                state.tasks[slot] = task
                return (slot, state.isCancelling)
            }
            state.tasks.append(task)
            return (state.tasks.count - 1, state.isCancelling)
        }
        // Counted in before the gate closed, but registered only after the others had been cancelled.
        if isCancelling { task.cancel() }
        return Ticket(shard: shard, slot: slot)
    }

    private func leave(_ ticket: Ticket) {
        shards[ticket.shard].state.withLock { state in
            state.tasks[ticket.slot] = nil
            state.free.append(ticket.slot)
        }
        // Releasing, so that what the call did is seen by whoever finds the gate empty.
        let remaining = word.subtract(1, ordering: .acquiringAndReleasing).newValue
        if remaining == Self.closed { finishWaiting() }
    }

    /// Lets nobody in from now on.
    func close() {
        let before = word.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing).oldValue
        if before & ~Self.closed == 0 { finishWaiting() }
    }

    private func finishWaiting() {
        let waiters = emptiness.withLock { emptiness -> [Waiter<Bool>] in
            emptiness.isReached = true
            defer { emptiness.waiters = [] }
            return emptiness.waiters
        }
        for waiter in waiters { waiter.finish(with: .success(true)) }
    }

    /// Waits until the gate is closed and the last call has left, also in a cancelled task.
    ///
    /// - Returns: Whether that came before the deadline.
    func waitUntilEmpty(until deadline: TimeSource.Instant, on time: TimeSource) async -> Bool {
        let waiter = Waiter<Bool>()
        let isReached = emptiness.withLock { emptiness in
            if !emptiness.isReached { emptiness.waiters.append(waiter) }
            return emptiness.isReached
        }
        if isReached { return true }
        let timer = time.schedule(at: deadline) { waiter.finish(with: .success(false)) }
        let isEmpty = try? await waiter.value()
        timer.cancel()
        return isEmpty ?? false
    }

    /// Cancels the tasks of the calls that are in.
    ///
    /// - Returns: How many there were.
    @discardableResult
    func cancelAll() -> Int {
        var running: [RunningTask] = []
        for shard in shards {
            running += shard.state.withLock { state in
                state.isCancelling = true
                return state.tasks.compactMap(\.self)
            }
        }
        // Outside the locks: cancelling runs the cancellation handlers of the operations.
        for task in running { task.cancel() }
        return running.count
    }
}
