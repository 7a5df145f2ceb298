internal import ResilienceCore
internal import Synchronization

/// A call that a gate has let in.
///
/// A task-local value, so that every task which the call begins inherits it and may keep it longer than the call runs.
/// What it says of the calling task is therefore there only while the call is in; see ``AdmissionGate``. What changes
/// is guarded by the lock of the call's shard, except where it says otherwise; so that overlapping accesses need not be
/// looked for.
final class AdmittedCall: @unchecked Sendable {
    /// The call that the current task is within, or that began it: of several, the innermost.
    @TaskLocal static var innermost: AdmittedCall?

    /// The shard of the gate in whose list the call is.
    @exclusivity(unchecked) private(set) var shard = 0

    /// The neighbours in the list of the shard. They are in the list themselves, and so alive.
    @exclusivity(unchecked) var next: Unmanaged<AdmittedCall>?
    @exclusivity(unchecked) var previous: Unmanaged<AdmittedCall>?

    /// How many are about to cancel the task, outside the lock. The call does not leave before they have.
    @exclusivity(unchecked) var cancellers = 0
    /// What wakes the call that wants to leave, and cannot while it is being cancelled.
    @exclusivity(unchecked) var departure: Waiter<Void>?

    private let gate: ObjectIdentifier
    /// The task that makes the call. Not owned: an `async let` task has its storage in that of its parent, and counting
    /// references does not keep it. There only while the call is in.
    @exclusivity(unchecked) private var task: UnsafeCurrentTask?
    /// Written under the lock. Read without it, it says what was.
    private let isIn = Atomic(false)
    /// The call around this one that was in when this one came. Replaced when this one leaves, so that a task which
    /// calls, and begins from within that call the task that calls next, does not string together all the calls there
    /// ever were.
    private let link: Lock<AdmittedCall?>
    /// Whether there ever was one.
    private let isNested: Bool

    init(_ gate: AdmissionGate, by task: UnsafeCurrentTask?, within outer: AdmittedCall?, shards: Int) {
        self.gate = ObjectIdentifier(gate)
        self.task = task
        isNested = outer != nil
        link = Lock(outer)
        // A call within a call shares the shard, whose lock tells whether that one still runs. Otherwise, what is alive
        // at the same time is at different addresses.
        let address = Int(bitPattern: ObjectIdentifier(self))
        shard = outer?.nearest(in: gate)?.shard ?? (address >> 5) & (shards - 1)
    }

    var isInside: Bool { isIn.load(ordering: .acquiring) }

    /// The call around this one.
    private var outer: AdmittedCall? { link.withLock { $0 } }

    /// The innermost call that still runs: this one, or one around it.
    var nearest: AdmittedCall? {
        var call: AdmittedCall? = self
        while let present = call, !present.isInside { call = present.outer }
        return call
    }

    /// The innermost call of a gate that still runs: this one, or one around it. Exact under the lock of its shard.
    func nearest(in gate: AdmissionGate) -> AdmittedCall? {
        var call: AdmittedCall? = self
        while let present = call, present.gate != ObjectIdentifier(gate) || !present.isInside { call = present.outer }
        return call
    }

    /// Whether it is within another call of a gate. Exact under the lock of its shard.
    func isWithinAnother(of gate: AdmissionGate) -> Bool { outer?.nearest(in: gate) != nil }

    // MARK: The task

    func begin() { isIn.store(true, ordering: .releasing) }

    /// Forgets the task.
    func end() {
        isIn.store(false, ordering: .releasing)
        task = nil
    }

    /// Whether a task makes this call. Only of a call that is in: then both run, and what is equal is the same.
    ///
    /// Never inlined, as ``cancelTask()``.
    @inline(never)
    func isMade(by task: UnsafeCurrentTask?) -> Bool { isInside && task != nil && self.task == task }

    /// Cancels the task. The caller is among the ``cancellers``, or holds what the call needs in order to leave.
    ///
    /// Never inlined, so that no copy of the reference is left when it returns.
    @inline(never)
    func cancelTask() { task?.cancel() }

    /// Lets go of calls around this one that have ended; a task that inherited this one would otherwise keep them.
    func shortenLink() {
        guard isNested, let outer, !outer.isInside else { return }
        let nearest = outer.nearest
        let old = link.withLock { link in
            defer { link = nearest }
            return link
        }
        _ = old  // Released outside the lock.
    }
}
