internal import ResilienceCore
internal import Synchronization

/// Lets calls in until it is closed, knows when the last one has left, and can cancel those that have not.
///
/// The calls are spread over shards, each a lock and a list, so that calls of several threads do not wait for each other.
/// A call enters and leaves by one step under the lock of its shard.
///
/// ## Why no reference to a task outlives the task
///
/// To cancel a call, the gate needs its task, which it does not own. It may use the reference from when the call is let in
/// until it leaves, and at no other time:
///
/// 1. A call is a part of what its task runs, so that the task lives until the call has returned.
/// 2. The reference is in the call's ``Stay`` and nowhere else. The stay is made by the call, and known to nobody else before
///    it is in the list. The reference is erased under the lock of the shard, in the step that takes the call out of the
///    list or does not let it in.
/// 3. Who compares it holds the lock and finds the call in the list.
/// 4. Who cancels has counted itself among the ``Stay/cancellers`` under the lock, while the call was in the list. As long
///    as there are any, the call does not leave: it suspends. The last of them wakes it, when its copy is gone.
/// 5. From 2 to 4: whatever uses, copies or releases a reference does so before the call returns, and by 1 the task is alive
///    then. What outlives the call, such as a task that was begun within it, finds no reference in the stay it inherited.
///
/// By 3, equal references are those of one task: both that are compared are alive, so that neither has taken the other's
/// place in memory.
final class AdmissionGate: Sendable {
    private struct Calls {
        var first: Unmanaged<Stay>?
        var isClosed = false
        var isCancelling = false

        mutating func add(_ stay: Stay) {
            stay.next = first
            first?._withUnsafeGuaranteedRef { $0.previous = Unmanaged.passUnretained(stay) }
            first = Unmanaged.passUnretained(stay)
            stay.begin()
        }

        mutating func remove(_ stay: Stay) {
            stay.next?._withUnsafeGuaranteedRef { $0.previous = stay.previous }
            if let previous = stay.previous {
                previous._withUnsafeGuaranteedRef { $0.next = stay.next }
            } else {
                first = stay.next
            }
            stay.end()
        }

        /// The calls, each of which is in the list and so alive.
        var all: [Stay] {
            var stays: [Stay] = []
            var next = first
            while let stay = next?.takeUnretainedValue() {
                stays.append(stay)
                next = stay.next
            }
            return stays
        }
    }

    private final class Shard: Sendable {
        let calls = Lock(Calls())
    }

    private static let shardCount = 8

    private let shards: [Shard]
    /// Shards that are closed and that the last call has left. Nobody enters such a shard again: a call within a call
    /// enters only while that one is in the same shard.
    private let emptyShards = Atomic<Int>(0)
    private let emptiness = Lock(Emptiness())

    private struct Emptiness {
        var isReached = false
        var waiters: [Waiter<Bool>] = []
    }

    init() {
        shards = (0..<Self.shardCount).map { _ in Shard() }
    }

    /// How many calls are in. Calls within calls are not counted while those around them run.
    var count: Int {
        shards.reduce(0) { $0 + $1.calls.withLock { calls in calls.all.count { isCounted($0) } } }
    }

    /// The caller holds the lock of the shard.
    private func isCounted(_ stay: Stay) -> Bool { !stay.isWithinAnother(of: self) }

    /// Whether nobody gets in any more.
    var isClosed: Bool { shards.allSatisfy { $0.calls.withLock { $0.isClosed } } }

    /// Runs a call, unless the gate is closed. A call within a call gets in as long as the outer one runs.
    ///
    /// - Throws: What `refusal` makes, if the gate is closed; otherwise what `body` throws.
    nonisolated(nonsending) func admit(
        refusal: () -> any Error, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        let outer = Stay.innermost?.nearest
        if let around = outer?.nearest(in: self), isMadeByCurrentTask(around) {
            // Part of a call that is in, and as long as that runs: there is nothing to note.
            try await body()
            return
        }
        guard let stay = enter(within: outer) else { throw refusal() }
        do {
            try await within(stay, body)
        } catch {
            while let departure = leave(stay) { try? await departure.value() }
            throw error
        }
        while let departure = leave(stay) { try? await departure.value() }
    }

    /// Runs a call with its stay as the innermost one. The isolation is a parameter that the closure captures: otherwise a
    /// layer that asks for it, such as a timeout, finds none, and runs the operation off its actor.
    private func within(
        _ stay: Stay, isolation: isolated (any Actor)? = #isolation,
        _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        try await Stay.$innermost.withValue(stay) {
            _ = isolation
            try await body()
        }
    }

    private func isMadeByCurrentTask(_ stay: Stay) -> Bool {
        withUnsafeCurrentTask { task in
            shards[stay.shard].calls.withLock { _ in stay.isMade(by: task) }
        }
    }

    /// - Returns: `nil` if the gate is closed.
    private func enter(within outer: Stay?) -> Stay? {
        withUnsafeCurrentTask { task in
            let stay = Stay(self, by: task, within: outer, shards: Self.shardCount)
            let (isIn, isCancelling) = shards[stay.shard].calls.withLock { calls -> (Bool, Bool) in
                guard !calls.isClosed || stay.isWithinAnother(of: self) else {
                    stay.end()
                    return (false, false)
                }
                calls.add(stay)
                return (true, calls.isCancelling)
            }
            // Cancelling runs the handlers of the operation, and so is done outside the lock.
            if isCancelling { task?.cancel() }
            return isIn ? stay : nil
        }
    }

    /// Takes a call out of the list, unless it is being cancelled.
    ///
    /// - Returns: What to wait for before the next attempt; `nil` if the call has left.
    private func leave(_ stay: Stay) -> Waiter<Void>? {
        let (departure, isLast) = shards[stay.shard].calls.withLock { calls -> (Waiter<Void>?, Bool) in
            guard stay.cancellers == 0 else {
                let departure = Waiter<Void>()
                stay.departure = departure
                return (departure, false)
            }
            calls.remove(stay)
            return (nil, calls.isClosed && calls.first == nil)
        }
        guard departure == nil else { return departure }
        stay.shortenLink()
        if isLast { countEmptyShard() }
        return nil
    }

    /// Lets nobody in from now on.
    func close() {
        for shard in shards {
            let isEmptied = shard.calls.withLock { calls in
                defer { calls.isClosed = true }
                return !calls.isClosed && calls.first == nil
            }
            if isEmptied { countEmptyShard() }
        }
    }

    /// Releasing and acquiring, so that whoever finds all shards empty sees what the calls of all of them did.
    private func countEmptyShard() {
        guard emptyShards.add(1, ordering: .acquiringAndReleasing).newValue == Self.shardCount else { return }
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

    /// Cancels the tasks of the calls that are in, and of those that calls which are in still begin.
    ///
    /// - Returns: How many calls there were.
    @discardableResult
    func cancelAll() -> Int {
        var number = 0
        var running: [Stay] = []
        for shard in shards {
            let (stays, counted) = shard.calls.withLock { calls in
                calls.isCancelling = true
                let stays = calls.all
                return (stays, stays.count { isCounted($0) })
            }
            running += stays
            number += counted
        }
        for stay in running { cancel(stay) }
        return number
    }

    /// Cancels the task of a call, if that is still in; outside the lock, because that runs the cancellation handlers of the
    /// operation.
    private func cancel(_ stay: Stay) {
        let shard = shards[stay.shard]
        let isHeld = shard.calls.withLock { _ in
            guard stay.isInside else { return false }
            stay.cancellers += 1
            return true
        }
        guard isHeld else { return }
        stay.cancelTask()
        let departure = shard.calls.withLock { _ -> Waiter<Void>? in
            stay.cancellers -= 1
            guard stay.cancellers == 0 else { return nil }
            defer { stay.departure = nil }
            return stay.departure
        }
        departure?.finish()
    }
}
