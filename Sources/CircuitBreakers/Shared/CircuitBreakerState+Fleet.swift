internal import ResilienceCore

/// What the fleet has to do with a break.
struct FleetHold: Sendable {
    /// The end of the break that the breaker began by itself, before the fleet did; `nil` if it did not.
    var ownEnd: TimeSource.Instant?
    /// The end of the fleet's break, as last told: the breaker may be held for a shorter time, until it is told again.
    /// `nil` if it is not known.
    var breakEnd: TimeSource.Instant?
}

/// What the fleet asks of a breaker. Of two orders that overtake each other on their way the one with the greater
/// number is newer.
enum FleetOrder: Sendable, Hashable {
    /// Stay open until a moment, because the fleet's circuit of an epoch is not closed. The break may last longer than
    /// that: its end is what callers are told.
    case hold(epoch: Int64, until: TimeSource.Instant, breakEnd: TimeSource.Instant? = nil)
    /// The fleet's circuit is closed.
    case release
    /// Find out whether the service works, for all nodes.
    case probe(epoch: Int64)
}

/// What the fleet sees of a breaker.
struct FleetView: Sendable {
    var state = CircuitBreaker.State.closed
    var generation: UInt64 = 0
    var lastReason: CircuitBreaker.Reason?
    var totals = CircuitBreaker.Totals()
    /// Whether it is open because of the fleet alone, so that nothing but the fleet keeps it from probing.
    var isHeld = false
    /// Whether a call has been let through as a probe.
    var hasProbed = false
    /// The last order that it has applied.
    var lastOrder: UInt64 = 0

    /// This, or what was known before if that is newer: views are read under the breaker's lock and handed over under
    /// another, so that one may overtake the next. What only grows is taken of both.
    func after(_ known: FleetView) -> FleetView {
        var view = (generation, lastOrder) < (known.generation, known.lastOrder) ? known : self
        view.totals.rejected = max(totals.rejected, known.totals.rejected)
        if generation == known.generation { view.hasProbed = hasProbed || known.hasProbed }
        return view
    }
}

extension CircuitBreakerState {
    /// Applies an order, unless it has applied a newer one.
    mutating func apply(_ order: FleetOrder, _ number: UInt64, now: TimeSource.Instant) {
        guard number > lastOrder else { return }
        lastOrder = number
        switch order {
        case .hold(let epoch, let end, let breakEnd): hold(epoch, until: end, breakEnd, now: now)
        case .release: release(now: now)
        case .probe(let epoch): probe(epoch, now: now)
        }
    }

    private mutating func hold(
        _ epoch: Int64, until end: TimeSource.Instant, _ breakEnd: TimeSource.Instant?, now: TimeSource.Instant
    ) {
        switch state {
        case .isolated, .disabled, .observing: return
        case .closed where heldEpoch == epoch:
            // It has closed since, by hand or by probes of its own while the store was away. That stays.
            return
        case .closed, .halfOpen:
            guard now < end else { return }
            heldEpoch = epoch
            // No error of this node has opened it.
            keep(nil)
            open(
                .fleet, for: now.duration(to: end), now: now, counts: nil, hold: FleetHold(breakEnd: breakEnd))
        case .open:
            heldEpoch = epoch
            var hold = self.hold ?? FleetHold(ownEnd: openUntil)
            let latest = max(end, hold.ownEnd ?? end)
            let isNews = hold.breakEnd != breakEnd
            hold.breakEnd = breakEnd
            self.hold = hold
            guard latest != openUntil || isNews else { return }
            openUntil = latest
            // A break that is longer than itself would look like one of a wrong clock.
            breakLength = max(breakLength, now.duration(to: latest))
            isDirty = true
        }
    }

    private mutating func release(now: TimeSource.Instant) {
        guard state == .open, let hold else { return }
        guard let ownEnd = hold.ownEnd, ownEnd > now else { return change(to: .closed, .fleet, now: now) }
        self.hold = nil
        openUntil = ownEnd
        isDirty = true
    }

    private mutating func probe(_ epoch: Int64, now: TimeSource.Instant) {
        guard isHeldAlone(now: now) else { return }
        heldEpoch = epoch
        change(to: .halfOpen, .breakEnded, now: now)
        probesForFleet = true
    }

    /// The end of the break, as callers are told: that of the fleet's may come later than that of a hold, which ends
    /// early if the fleet is not heard of.
    var reportedEnd: TimeSource.Instant { reportedEnd(hold) }

    func reportedEnd(_ hold: FleetHold?) -> TimeSource.Instant { max(openUntil, hold?.breakEnd ?? openUntil) }

    /// Whether it is open, and nothing but the fleet keeps it so.
    func isHeldAlone(now: TimeSource.Instant) -> Bool {
        guard state == .open, let hold else { return false }
        return hold.ownEnd.map { $0 <= now } ?? true
    }

    func fleetView(now: TimeSource.Instant) -> FleetView {
        FleetView(
            state: state, generation: generation, lastReason: lastReason, totals: totals,
            isHeld: isHeldAlone(now: now), hasProbed: probes.taken > 0, lastOrder: lastOrder)
    }

    /// A fleet begins to give orders. Epochs of another one from before say nothing about its own.
    mutating func join() { heldEpoch = -1 }
}

extension CircuitBreaker.Reason {
    /// Whether a half-open breaker opens again for it.
    var isOfFailedProbes: Bool {
        switch self {
        case .probesFailed, .probesTimedOut: true
        default: false
        }
    }
}

extension CircuitBreaker {
    func apply(_ order: FleetOrder, _ number: UInt64) {
        advanced { machine, now in machine.apply(order, number, now: now) }
    }

    func joinFleet() -> FleetView {
        withMachine { $0.join() }
        return fleetView
    }

    var fleetView: FleetView {
        var view = advanced { machine, now in machine.fleetView(now: now) }
        view.totals.rejected = view.totals.rejected.addingSaturated(uncountedRejections)
        return view
    }
}
