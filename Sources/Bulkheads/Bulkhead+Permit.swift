public import ResilienceCore

extension Bulkhead {
    /// Takes a slot if one is free, for work that does not fit into a closure. Does not wait, also if there is a queue.
    ///
    /// ```swift
    /// let permit = try bulkhead.tryAcquirePermit()
    /// try await connection.send(request)
    /// permit.release()
    /// ```
    ///
    /// - Parameters:
    ///   - partition: The partition to take it from. Default: what the context says, if there is one, or none.
    ///   - context: The context of the call that the permit is for.
    /// - Returns: A permit that holds the slot.
    /// - Throws: ``RejectedError`` if none is free.
    public func tryAcquirePermit(partition: String? = nil, in context: Context? = nil) throws(RejectedError) -> Permit {
        let admission = try admitAtOnce()
        if admission.isGranted { return Permit(bulkhead: self, admission: admission, context: context) }
        let partition = partition ?? context?[Partition.self]
        switch try ask(partition: partition, priority: .normal, deadline: nil, mayWait: false) {
        case .admitted(let admission): return Permit(bulkhead: self, admission: admission, context: context)
        case .waiting: throw rejection(.full, limit, .zero)  // Never: it may not wait.
        }
    }

    /// Takes a slot, and waits for one if the bulkhead has a queue.
    ///
    /// - Parameters:
    ///   - priority: Which of the calls that wait goes first. Default: what the context says, or normal.
    ///   - partition: The partition to take it from. Default: what the context says, or none.
    ///   - context: The context of the call that the permit is for: it waits no longer than until the call's deadline.
    ///     Default: none; that of the call that the task is within holds even so.
    /// - Returns: A permit that holds the slot.
    /// - Throws: ``RejectedError`` if there is none; `CancellationError` if the caller cancelled while waiting.
    public nonisolated(nonsending) func acquirePermit(
        priority: Priority? = nil, partition: String? = nil, in context: Context? = nil
    ) async throws -> Permit {
        var admission = try admitAtOnce()
        if !admission.isGranted {
            admission = try await admit(
                partition: partition ?? context?[Partition.self],
                priority: priority ?? context?[Priority.self] ?? .normal,
                deadline: (context ?? rootContext).deadline(on: time, now: time.now), context)
        }
        return Permit(bulkhead: self, admission: admission, context: context)
    }

    /// A slot that is held.
    ///
    /// Given back once: the compiler sees to it that it is not given back twice. A permit that is dropped gives its
    /// slot back, and tells an adaptive limit nothing.
    public struct Permit: ~Copyable, Sendable {
        private let bulkhead: Bulkhead
        private let admission: Admission
        private let context: Context?
        private var isReleased = false

        init(bulkhead: Bulkhead, admission: Admission, context: Context?) {
            self.bulkhead = bulkhead
            self.admission = admission
            self.context = context
        }

        deinit {
            if !isReleased { bulkhead.giveBack(admission) }
        }

        /// Gives the slot back after a call that succeeded.
        public consuming func release() {
            isReleased = true
            bulkhead.succeeded(admission)
        }

        /// Gives the slot back after a call that failed. What that means to an adaptive limit is judged as in
        /// `execute`.
        ///
        /// - Parameters:
        ///   - error: What the call threw.
        ///   - context: The context of the call, for its deadline: a call that was cut off there is a drop. Default:
        ///     the one with which the permit was acquired.
        public consuming func release(after error: any Error, in context: Context? = nil) {
            isReleased = true
            bulkhead.failed(admission, error, context ?? self.context ?? bulkhead.rootContext)
        }
    }
}
