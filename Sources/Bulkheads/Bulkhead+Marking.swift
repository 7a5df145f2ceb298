public import ResilienceCore
internal import Synchronization

/// Calls within calls of the same bulkhead.
///
/// Marked are only the calls of a bulkhead whose queue has no longest wait: there, a call within a call would wait for
/// ever for the slot that is held for it.
extension Bulkhead {
    @usableFromInline var marksCalls: Bool { reading.marksCalls }

    /// The number of the bulkhead's call that the current task is within: of several, the innermost.
    var callAround: Int32? { MarkedCall.marks(of: self).first.map(Int32.init(truncatingIfNeeded:)) }

    /// Runs the rest of a call that has a slot, which those within the call may use in turn.
    @usableFromInline
    nonisolated(nonsending) func executeMarked(
        _ admission: Admission, _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        var admission = admission
        let claim = BulkheadClaim(code: admission.part)
        let period = admission.period
        let number = withState { state in
            state.endUnmarked(period)
            return state.hold(claim)
        }
        admission.part = BulkheadClaim.call(number).code
        let mark = UInt64(truncatingIfNeeded: number)
        if let error = await MarkedCall.run(#isolation, self, mark, context, next) {
            failed(admission, error, context)
            throw error
        }
        succeeded(admission)
    }

    /// Gives back what a call had that is marked, or that ran in the slot of one.
    func giveBackClaim(_ admission: Admission) {
        let now = time.now
        let borrower = withState(now: now) { state -> Resumption? in
            let next = state.giveBack(BulkheadClaim(code: admission.part), now: now)
            if admission.isAnnounced {
                let duration = admission.start.duration(to: now)
                events.post(.finished(duration: duration, inUse: state.inUse))
            }
            defer { state.serve(now: now) }
            guard let next else { return nil }
            let part = Int(BulkheadClaim.loan(next.lender).code)
            let admission = announcedLocked(
                part: part, inUse: state.inUse, waited: next.waited, start: now, period: state.markPeriod)
            let queued = QueuedAdmission(admission: admission, waited: next.waited)
            return Resumption(waiter: next.call, waited: next.waited, result: .success(queued))
        }
        if let borrower { resume(borrower) }
    }
}
