internal import ResilienceCore

/// What came from the store: replies, and changes that others made.
extension FleetCircuitState {
    /// The store has answered.
    ///
    /// - Parameter view: The breaker as it is by then: what it has counted belongs to the time before.
    mutating func answered(
        _ reply: SharedCircuit, to report: CircuitReport, sent: TimeSource.Instant, _ view: FleetView,
        now: TimeSource.Instant
    ) -> Action {
        take(view, now)
        var action = Action()
        totals.succeededExchanges.increment()
        if let length = outage.answered(now: now) { action.events.append(.recovered(after: length)) }
        lastExchange = now
        idleTicks = 0
        isUrgent = false
        endTick(now)
        slots.acknowledge(report.slots)
        if let lease, report.request.isVerdict(of: lease.epoch) { self.lease = nil }
        if case .giveUp = report.request { rejectedBefore = lastView.totals.rejected }
        if reply.wasEmpty, reply.phase == .closed { slots.resendAll(but: report.slots) }
        // Counted from when the question was sent: no node takes a break or a lease for longer than the store does.
        adopt(reply, from: sent, now, &action)
        return action
    }

    /// The store has told of a change.
    mutating func received(_ state: SharedCircuit, _ view: FleetView, now: TimeSource.Instant) -> Action {
        take(view, now)
        var action = Action()
        if state.epoch > known.epoch { adopt(state, from: now, now, &action) }
        return action
    }

    /// The store has failed.
    mutating func failed(_ error: any Error, now: TimeSource.Instant) -> Action {
        var action = Action()
        totals.failedExchanges.increment()
        let (isNews, retryAt) = outage.failed(now: now, upTo: configuration.maxRetryDelay, random: random.next())
        self.retryAt = retryAt
        if isNews {
            totals.outages.increment()
            action.events.append(.degraded(error))
        }
        // What was lost on the way, and what a store forgets that restarts, is told again: nothing counts twice.
        slots.resendAll()
        return action
    }

    /// Changes may have been missed: the store cannot be listened to.
    mutating func missedChanges() { catchUpTicks = 10 }

    private mutating func adopt(
        _ state: SharedCircuit, from base: TimeSource.Instant, _ now: TimeSource.Instant, _ action: inout Action
    ) {
        guard state.epoch >= known.epoch else { return }
        let old = known
        known = state
        switch state.phase {
        case .closed: phaseEnd = Self.never
        case .open(let rest), .probing(_, let rest): phaseEnd = base.advanced(by: rest)
        }
        // The same epoch with another phase is what a store makes of reports after it was emptied.
        if state.epoch > old.epoch || !state.phase.isSame(as: old.phase) { entered(from: old, now, &action) }
        if state.phase == .closed {
            if action.order == nil { order(.release, &action) }
        } else if lease == nil {
            hold(now, &action)
        }
    }

    /// The circuit has changed its phase.
    private mutating func entered(from old: SharedCircuit, _ now: TimeSource.Instant, _ action: inout Action) {
        // Unless this is what came of its own verdict: its time is up by the store's clock, or it was decided by
        // hand.
        if let held = lease.take(), held.epoch != lastVerdict { action.events.append(.leaseLost) }
        let wasClosed = old.phase == .closed
        askAt = Self.never
        switch known.phase {
        case .closed:
            slots.begin(forgetting: !wasClosed)
            if !wasClosed { action.events.append(.closed) }
        case .open:
            if wasClosed || phaseEnd > now {
                totals.opened.increment()
                // What failed probes or a hand opened, no counts did: those are older.
                let isByRule = known.consecutiveOpens == 1 && configuration.rule.canHold(for: known)
                action.events.append(
                    .opened(
                        breakLength: max(.zero, now.duration(to: phaseEnd)),
                        counts: isByRule ? known.counts : SharedCounts(), nodes: known.nodes,
                        witnesses: isByRule ? known.witnesses : 0))
                rejectedBefore = lastView.totals.rejected
                spread = 1 + 0.5 * random.next()
            }
            askAt = max(now, phaseEnd).advanced(by: Self.askSpread.multipliedSaturated(by: random.next()))
        case .probing(node, _):
            lease = Lease(
                epoch: known.epoch, end: phaseEnd, giveUpAt: now.advanced(by: now.duration(to: phaseEnd) / 2),
                generationBefore: lastView.generation)
            totals.leases.increment()
            action.events.append(.leased(now.duration(to: phaseEnd)))
            order(.probe(epoch: known.epoch), &action)
        case .probing: break
        }
    }

    /// Has the breaker stay open: until a little after the break, when this node looks again, or for a few ticks where
    /// it waits for what another finds out.
    mutating func hold(_ now: TimeSource.Instant, _ action: inout Action) {
        let isBreak = known.phase.isOpen && phaseEnd > now
        isHeldBeyond = !isBreak
        let end =
            isBreak
            ? phaseEnd.advanced(by: (Self.lookAgain + configuration.operationLimit).multipliedSaturated(by: spread))
            : now.advanced(by: (configuration.tick * 2 + configuration.operationLimit).multipliedSaturated(by: spread))
        let until = min(end, now.advanced(by: configuration.grace))
        order(.hold(epoch: known.epoch, until: until, breakEnd: isBreak ? end : nil), &action)
    }

    private mutating func order(_ order: FleetOrder, _ action: inout Action) {
        orders &+= 1
        action.order = (order, orders)
    }
}

extension SharedCircuitRule {
    /// Whether what was counted may have opened the circuit. The record has rates in whole millionths, rounded, so that
    /// it may have opened a little below the rule's.
    fileprivate func canHold(for state: SharedCircuit) -> Bool {
        let counts = state.counts
        guard state.witnesses >= minimumNodes else { return false }
        return switch trip {
        case .failures(let least): counts.failures >= least
        case .failureRate(let rate, let least):
            counts.calls >= least && Double(counts.failures) >= (rate - 0.000_002) * Double(counts.calls)
        case .slowCallRate(let rate, let least):
            counts.calls >= least && Double(counts.slow) >= (rate - 0.000_002) * Double(counts.calls)
        }
    }
}

extension CircuitReport.Request {
    func isVerdict(of lease: Int64) -> Bool {
        switch self {
        case .succeeded(lease), .failed(lease), .giveUp(lease): true
        default: false
        }
    }
}

extension SharedCircuit.Phase {
    /// Whatever is left of it.
    fileprivate func isSame(as other: Self) -> Bool {
        switch (self, other) {
        case (.closed, .closed), (.open, .open): true
        case (.probing(let node, _), .probing(let otherNode, _)): node == otherNode
        default: false
        }
    }

    var isOpen: Bool { if case .open = self { true } else { false } }
}
