internal import ResilienceCore

/// A call that a gate has let in, for as long as it runs.
///
/// The task that makes it, to be cancelled from elsewhere, is kept alive by the reference; `cancel()` may be called from
/// any thread. What changes is guarded by the lock of the call's shard.
final class Stay: @unchecked Sendable {
    /// The call that the current task is within: of several, the innermost.
    @TaskLocal static var innermost: Stay?

    /// The shard of the gate in whose list the call is.
    private(set) var shard = 0
    /// The call around this one, of the same gate or of another.
    let outer: Stay?
    private let gate: ObjectIdentifier
    private let task: UnsafeCurrentTask?

    /// The neighbours in the list of the shard. They are in the list themselves, and so alive.
    var next: Unmanaged<Stay>?
    var previous: Unmanaged<Stay>?
    var isInside = false

    init(_ gate: AdmissionGate, _ task: UnsafeCurrentTask?, within outer: Stay?, shards: Int) {
        self.gate = ObjectIdentifier(gate)
        self.task = task
        self.outer = outer
        // A call within a call shares the shard, whose lock tells whether that one still runs. Otherwise, what is alive at
        // the same time is at different addresses.
        let address = Int(bitPattern: ObjectIdentifier(self))
        shard = outer?.innermost(of: gate)?.shard ?? (address >> 5) & (shards - 1)
    }

    func cancel() { task?.cancel() }

    /// The innermost call of a gate among this one and those around it.
    func innermost(of gate: AdmissionGate) -> Stay? {
        var stay = self
        while stay.gate != ObjectIdentifier(gate) {
            guard let outer = stay.outer else { return nil }
            stay = outer
        }
        return stay
    }

    func isMade(by task: UnsafeCurrentTask?) -> Bool { self.task == task }
}
