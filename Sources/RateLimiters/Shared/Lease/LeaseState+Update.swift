internal import ResilienceCore

extension LeaseState {
    /// Goes by another rule from now on, unless a later one is in force already.
    ///
    /// What is held was granted by the rule before, and the store counts it as used, also by the new one. It ends with
    /// the lease that is shorter. So what all use in a time that begins a lease after the last node's update was
    /// granted by the new rule alone.
    ///
    /// - Returns: What to give back.
    mutating func update(_ new: LeasePlan, now: Int64) -> [PermitRequest] {
        guard new.version > plan.version else { return [] }
        let old = plan
        plan = new
        let end = now.addingSaturated(new.lease)
        batches = batches.map { Batch(permits: $0.permits, end: min($0.end, end), receipt: $0.receipt) }
        flight?.lease = min(old.lease, new.lease)
        flight?.isOutdated = true
        // When there are permits by the new rule, the store has not said yet.
        emptyUntil = .min
        notBefore = min(notBefore, now.addingSaturated(LeasePlan.gapWhenShort))
        if isAway, let local = new.local {
            localArrival =
                old.local.map { local.carry(localArrival, from: $0, at: now) } ?? firstLocalArrival(local, now)
        }
        if !isAway { refuseLarge(now) }
        let leftovers = new.isExact ? giveUpAll() : []
        serve(now)
        return leftovers
    }

    /// Refuses waiting calls that asked for more than there ever are at once.
    private mutating func refuseLarge(_ now: Int64) {
        let burst = plan.storeRule.burst
        for ticket in queue[head...] where ticket.isQueued && ticket.permits > burst {
            end(ticket, .refused(.never(burst: burst)), now: now)
        }
    }

    /// One permit is there, because the rest may be in use.
    func firstLocalArrival(_ local: PacedMeter, _ now: Int64) -> Int64 {
        local.position(now).addingSaturated(local.capacity - local.cost)
    }
}
