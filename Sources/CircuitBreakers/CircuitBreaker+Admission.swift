public import ResilienceCore
internal import Synchronization

/// Whether a call may go through: by the word alone, and by the state machine where that does not suffice.
extension CircuitBreaker {
    /// A call that was let through: the gate it came through, and when.
    @usableFromInline
    struct Admission: Sendable {
        @usableFromInline let gate: CircuitBreakerGate
        let start: TimeSource.Instant
    }

    @usableFromInline
    func admit(_ context: Context) throws(OpenError) -> Admission {
        let gate = currentGate
        if gate.letsThroughUnmarked { return admission(gate, context) }
        return try admitMarked(gate, context)
    }

    private func admission(_ gate: CircuitBreakerGate, _ context: Context) -> Admission {
        context.report(StateAtAdmission.self, (name, gate.state))
        let start = gate.needsTime ? time.now : TimeSource.Instant(nanoseconds: 0)
        return Admission(gate: gate, start: start)
    }

    /// The gate as it is now.
    var currentGate: CircuitBreakerGate { CircuitBreakerGate(word: gate.load(ordering: .acquiring)) }

    /// The error of an open breaker whose break is not over and that has no observers: there is nothing to do but
    /// count.
    @inline(never)
    func refusalAtOnce(_ gate: CircuitBreakerGate) -> OpenError? {
        guard gate.state == .open, !gate.isObserved else { return nil }
        let now = time.now
        // Relaxed is enough, because the gate was loaded acquiring.
        let end = TimeSource.Instant(nanoseconds: openUntil.load(ordering: .relaxed))
        let start = TimeSource.Instant(nanoseconds: openFrom.load(ordering: .relaxed))
        guard now < end, now >= start else { return nil }
        rejections.wrappingAdd(1, ordering: .relaxed)
        let error = gate.hasFailure ? failure.withLock { $0 } : nil
        let told = TimeSource.Instant(nanoseconds: reportedEnd.load(ordering: .relaxed))
        return OpenError(policyName: name, state: .open, retryAfter: now.duration(to: told), lastFailure: error)
    }

    private func admitMarked(_ gate: CircuitBreakerGate, _ context: Context) throws(OpenError) -> Admission {
        if gate.letsThrough {
            guard gatesAround.contains(where: { $0.isOfSameState(as: gate) }) else {
                return admission(gate, context)
            }
            context.report(StateAtAdmission.self, (name, gate.state))
            return Admission(gate: .withinCall, start: TimeSource.Instant(nanoseconds: 0))
        }
        while true {
            if let refusal = refusalAtOnce(gate) {
                context.report(StateAtAdmission.self, (name, .open))
                throw refusal
            }
            let now = time.now
            let outer = gatesAround.filter(\.isProbe).map(\.number)
            let (decision, state, gate, failure) = withMachine { machine in
                let decision = machine.admit(now: now, within: outer)
                // Calls nest here, and will when the breaker is closed.
                if !outer.isEmpty { machine.marksCalls = true }
                if case .rejected(let state, let retryAfter) = decision {
                    machine.countRejections(1)
                    if isObserved {
                        let error = OpenError(
                            policyName: name, state: state, retryAfter: retryAfter, lastFailure: machine.lastFailure)
                        events.post(.rejected(error))
                    }
                }
                let gate = CircuitBreakerGate(machine, isObserved: isObserved, isMeasured: meters.isAttached)
                return (decision, machine.state, gate, machine.lastFailure)
            }
            switch decision {
            case .admitted(let ticket):
                context.report(StateAtAdmission.self, (name, state))
                return Admission(gate: CircuitBreakerGate(ticket, orElse: gate), start: now)
            case .rejected(let state, let retryAfter):
                context.report(StateAtAdmission.self, (name, state))
                throw OpenError(policyName: name, state: state, retryAfter: retryAfter, lastFailure: failure)
            case .trip(let request): trip(request, error: nil, now: now)
            }
        }
    }

    /// The rejections that were counted without the lock.
    var uncountedRejections: Int { rejections.load(ordering: .relaxed) }
}
