internal import ResilienceCore
internal import Synchronization

/// Lets calls in until it is closed, knows when the last one has left, and can cancel those that have not.
///
/// The calls are spread over shards, each a lock and a list, so that calls of several threads do not wait for each
/// other. A call enters and leaves by one step under the lock of its shard.
///
/// ## Why no reference to a task outlives the task
///
/// To cancel a call, the gate needs its task, which it does not own. It may use the reference from when the call is let
/// in until it leaves, and at no other time:
///
/// 1. A call is a part of what its task runs, so that the task lives until the call has returned.
/// 2. The reference is in the call's ``AdmittedCall`` and nowhere else. It is made by the call, and no other code knows
///    it before it is in the list. The reference is erased under the lock of the shard, in the step that takes the call
///    out of the list or does not let it in.
/// 3. Code that compares it holds the lock and finds the call in the list.
/// 4. Code that cancels has counted itself among the ``AdmittedCall/cancellers`` under the lock, while the call was in
///    the list. As long as there are any, the call does not leave: it suspends. The last of them wakes it, when its
///    copy is gone.
/// 5. From 2 to 4: whatever uses, copies or releases a reference does so before the call returns, and by 1 the task is
///    alive then. What outlives the call, such as a task that was begun within it, finds no reference in the one it
///    inherited.
///
/// By 3, equal references are those of one task: both that are compared are alive, so that neither has taken the
/// other's place in memory.
final class AdmissionGate: Sendable {
    private struct Calls {
        var first: Unmanaged<AdmittedCall>?
        var isClosed = false
        var isCancelling = false

        mutating func add(_ call: AdmittedCall) {
            call.next = first
            first?._withUnsafeGuaranteedRef { $0.previous = Unmanaged.passUnretained(call) }
            first = Unmanaged.passUnretained(call)
            call.begin()
        }

        mutating func remove(_ call: AdmittedCall) {
            call.next?._withUnsafeGuaranteedRef { $0.previous = call.previous }
            if let previous = call.previous {
                previous._withUnsafeGuaranteedRef { $0.next = call.next }
            } else {
                first = call.next
            }
            call.end()
        }

        /// The calls, each of which is in the list and so alive.
        var all: [AdmittedCall] {
            var admitted: [AdmittedCall] = []
            var next = first
            while let call = next?.takeUnretainedValue() {
                admitted.append(call)
                next = call.next
            }
            return admitted
        }
    }

    private final class Shard: Sendable {
        let calls = Lock(Calls())
    }

    private static let shardCount = 8

    private let shards: [Shard]
    /// Shards that are closed and that the last call has left. No call enters such a shard again: a call within a call
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
        shards.reduce(0) { $0 + $1.calls.withLock { calls in calls.all.count { isCountedLocked($0) } } }
    }

    private func isCountedLocked(_ call: AdmittedCall) -> Bool { !call.isWithinAnother(of: self) }

    /// Whether no call gets in any more.
    var isClosed: Bool { shards.allSatisfy { $0.calls.withLock { $0.isClosed } } }

    /// Runs a call, unless the gate is closed. A call within a call gets in as long as the outer one runs.
    ///
    /// - Returns: Whether the call was let in; if not, `body` has not run.
    /// - Throws: What `body` throws.
    @inline(__always)
    nonisolated(nonsending) func admit(_ body: nonisolated(nonsending) () async throws -> Void) async throws -> Bool {
        let outer = AdmittedCall.innermost?.nearest
        if let around = outer?.nearest(in: self), isMadeByCurrentTask(around) {
            // Part of a call that is in, and as long as that runs: there is nothing to note.
            try await body()
            return true
        }
        guard let call = enter(within: outer) else { return false }
        do {
            try await within(call, body)
        } catch {
            while let departure = leave(call) { try? await departure.value() }
            throw error
        }
        while let departure = leave(call) { try? await departure.value() }
        return true
    }

    /// Runs a call as the innermost one. The isolation is a parameter that the closure captures: otherwise a
    /// layer that asks for it, such as a timeout, finds none, and runs the operation off its actor. Not `binding`,
    /// which does it for calls whose isolation the compiler loses even so, and costs 400 instructions more.
    private func within(
        _ call: AdmittedCall, isolation: isolated (any Actor)? = #isolation,
        _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        try await AdmittedCall.$innermost.withValue(call) {
            _ = isolation
            try await body()
        }
    }

    private func isMadeByCurrentTask(_ call: AdmittedCall) -> Bool {
        withUnsafeCurrentTask { task in
            shards[call.shard].calls.withLock { _ in call.isMade(by: task) }
        }
    }

    /// - Returns: `nil` if the gate is closed.
    private func enter(within outer: AdmittedCall?) -> AdmittedCall? {
        withUnsafeCurrentTask { task in
            let call = AdmittedCall(self, by: task, within: outer, shards: Self.shardCount)
            let (isIn, isCancelling) = shards[call.shard].calls.withLock { calls -> (Bool, Bool) in
                guard !calls.isClosed || call.isWithinAnother(of: self) else {
                    call.end()
                    return (false, false)
                }
                calls.add(call)
                return (true, calls.isCancelling)
            }
            // Cancelling runs the handlers of the operation, and so is done outside the lock.
            if isCancelling { task?.cancel() }
            return isIn ? call : nil
        }
    }

    /// Takes a call out of the list, unless it is being cancelled.
    ///
    /// - Returns: What to wait for before the next attempt; `nil` if the call has left.
    private func leave(_ call: AdmittedCall) -> Waiter<Void>? {
        let (departure, isLast) = shards[call.shard].calls.withLock { calls -> (Waiter<Void>?, Bool) in
            guard call.cancellers == 0 else {
                let departure = Waiter<Void>()
                call.departure = departure
                return (departure, false)
            }
            calls.remove(call)
            return (nil, calls.isClosed && calls.first == nil)
        }
        guard departure == nil else { return departure }
        call.shortenLink()
        if isLast { countEmptyShard() }
        return nil
    }

    /// Lets no call in from now on.
    func close() {
        for shard in shards {
            let isEmptied = shard.calls.withLock { calls in
                defer { calls.isClosed = true }
                return !calls.isClosed && calls.first == nil
            }
            if isEmptied { countEmptyShard() }
        }
    }

    /// Releasing and acquiring, so that the code that finds all shards empty sees what the calls of all of them did.
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
        var running: [AdmittedCall] = []
        for shard in shards {
            let (admitted, counted) = shard.calls.withLock { calls in
                calls.isCancelling = true
                let admitted = calls.all
                return (admitted, admitted.count { isCountedLocked($0) })
            }
            running += admitted
            number += counted
        }
        for call in running { cancel(call) }
        return number
    }

    /// Cancels the task of a call, if that is still in; outside the lock, because that runs the cancellation handlers
    /// of the operation.
    private func cancel(_ call: AdmittedCall) {
        let shard = shards[call.shard]
        let isHeld = shard.calls.withLock { _ in
            guard call.isInside else { return false }
            call.cancellers += 1
            return true
        }
        guard isHeld else { return }
        call.cancelTask()
        let departure = shard.calls.withLock { _ -> Waiter<Void>? in
            call.cancellers -= 1
            guard call.cancellers == 0 else { return nil }
            defer { call.departure = nil }
            return call.departure
        }
        departure?.finish()
    }
}
