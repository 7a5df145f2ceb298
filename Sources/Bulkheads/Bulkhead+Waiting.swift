public import ResilienceCore
internal import Synchronization

extension Bulkhead {
    /// Takes a slot under the lock, or waits for one.
    ///
    /// - Parameter partition: The partition's name, if it is not the context that says.
    @usableFromInline
    nonisolated(nonsending) func admit(_ context: Context, _ partition: String?) async throws -> Admission {
        let values = context.carriesValues ? context : nil
        return try await admit(
            partition: partition ?? values?[Partition.self], priority: values?[Priority.self] ?? .normal,
            deadline: context.deadline(on: time, now: time.now), context)
    }

    nonisolated(nonsending) func admit(
        partition: String?, priority: Priority, deadline: TimeSource.Instant?, _ context: Context?
    ) async throws -> Admission {
        switch try ask(partition: partition, priority: priority, deadline: deadline, mayWait: true) {
        case .admitted(let admission): return admission
        case .waiting(let place, let waiter):
            let queued = try await waiter.value { [self] in withdraw(place) }
            // Cancelled at the moment its turn came: it does not run, and the next call gets the slot.
            if Task.isCancelled {
                giveBack(queued.admission)
                throw CancellationError()
            }
            context?.report(Wait.self, (name, queued.waited))
            return queued.admission
        }
    }

    enum Answer: Sendable {
        case admitted(Admission)
        case waiting(State.Place, Waiter<QueuedAdmission>)
    }

    /// Asks for a slot, or a place in the queue.
    ///
    /// - Parameter deadline: The call's own, on this bulkhead's time.
    func ask(
        partition: String?, priority: Priority, deadline: TimeSource.Instant?, mayWait: Bool
    ) throws(RejectedError) -> Answer {
        let start = reading.isTimed ? time.now : nil
        let atOnce = withState { state -> Admission? in
            let part = state.part(partition)
            guard state.takeFreeSlot(part) else { return nil }
            return announcedLocked(
                part: part, inUse: state.inUse, waited: .zero, start: start, period: state.markPeriod)
        }
        if let atOnce { return .admitted(atOnce) }
        let now = time.now
        let lender = mayWait && marksCalls ? callAround : nil
        let (result, actions) = changing(now: now) { state in
            let ask = State.Ask(
                part: state.part(partition), priority: priority, deadline: deadline, mayWait: mayWait, lender: lender)
            return (state.ask(ask, now: now, call: { Waiter() }), ask.part)
        } then: { (step: (State.Decision, Int), state) -> Result<Answer, RejectedError> in
            switch step {
            case (.admitted, let part):
                return .success(
                    .admitted(
                        announcedLocked(
                            part: part, inUse: state.inUse, waited: .zero, start: now, period: state.markPeriod)))
            case (.lent(let lender), _):
                let part = Int(BulkheadClaim.loan(lender).code)
                return .success(
                    .admitted(
                        announcedLocked(
                            part: part, inUse: state.inUse, waited: .zero, start: now, period: state.markPeriod)))
            case (.waiting(let place, let waiter), _):
                events.post(.queued(waiting: state.queued))
                return .success(.waiting(place, waiter))
            case (.refused(let cause), _):
                let error = rejection(cause, state.limit, .zero)
                rejectedCalls.wrappingAdd(1, ordering: .relaxed)
                events.post(.rejected(error))
                return .failure(error)
            }
        }
        perform(actions)
        return try result.get()
    }

    /// Takes a call that was cancelled out of the queue; whether it was there.
    private func withdraw(_ place: State.Place) -> Bool {
        let now = time.now
        let waited = withState(now: now) { state -> Duration? in
            // A call that is cancelled because its deadline has come was not served in time, whichever timer came
            // first.
            state.endWaits(now: now)
            guard let waited = state.cancel(place, now: now) else { return nil }
            events.post(.cancelled(waited: waited))
            return waited
        }
        guard let waited else { return false }
        waits.record(0, nanoseconds: waited.saturatedNanoseconds)
        return true
    }

    /// The key under which bulkheads report to an `Execution` how long the call waited.
    package enum Wait: TracedReport {
        package typealias Value = (bulkhead: String, waited: Duration)

        package static func callEvent(_ wait: Value) -> CallEvent? {
            guard wait.waited > .zero else { return nil }
            return CallEvent("bulkhead.waited", source: wait.bulkhead) { $0.add(seconds: "waited", wait.waited) }
        }
    }
}
