internal import ResilienceCore

extension CircuitBreakerState {
    /// The probes of one half-open state.
    struct Probes: Sendable {
        /// Places taken: running probes and those with a verdict.
        var taken = 0
        var good = 0
        var bad = 0
        var running = RunningProbes()
        /// Whether one of them was out for too long, and the breaker is about to open.
        var areGivenUp = false
    }

    mutating func admitProbe(now: TimeSource.Instant, within outer: [UInt64]) -> Decision {
        if !probes.areGivenUp {
            if outer.contains(where: probes.running.contains) { return .admitted(.withinCall) }
            if probes.taken < configuration.halfOpen.probes {
                let number = nextProbe
                nextProbe &+= 1
                probes.taken += 1
                let deadline = now.advanced(by: configuration.halfOpen.maxWait ?? breakLength)
                let next = probes.running.first?.deadline
                probes.running.begin(number, at: now, until: deadline)
                if probes.running.first?.deadline != next { isDirty = true }
                return .admitted(.probe(number))
            }
        }
        return .rejected(.halfOpen, retryAfter: likelyWait(now: now))
    }

    /// When the probe that has been out for longest is likely to be back: after what calls take, where that is known,
    /// and otherwise after a tenth of what it may take. If it has already taken more than half of that, nothing is more
    /// likely than that it takes as long again. Never later than when it is given up.
    private func likelyWait(now: TimeSource.Instant) -> Duration {
        guard !probes.areGivenUp, let probe = probes.running.first else { return breakLength }
        let rest = now.duration(to: probe.deadline)
        let age = probe.start.duration(to: now)
        let typical = window.counts.meanDuration ?? typicalDuration ?? (probe.start.duration(to: probe.deadline) / 10)
        return max(.nanoseconds(1), min(rest, max(typical - age, age, .milliseconds(1))))
    }

    mutating func recordProbe(
        _ outcome: CircuitBreaker.Outcome, _ number: UInt64, isSlow: Bool, _ call: EndedCall,
        _ error: (any Error)?, now: TimeSource.Instant
    ) -> TripRequest? {
        // Time is up at exactly the deadline: what ends then is late, and belongs to no state any more.
        let request = advance(to: now)
        guard request == nil, !probes.areGivenUp, state == .halfOpen else {
            totals.late.increment()
            return request
        }
        let next = probes.running.first?.deadline
        guard probes.running.end(number) else {
            totals.late.increment()
            return nil
        }
        if probes.running.first?.deadline != next { isDirty = true }
        switch outcome {
        case .cancelled: probes.taken -= 1
        case .ignored:
            probes.taken -= 1
            window.recordIgnored(startedAt: call.start, now: now)
        case .success, .failure:
            count(outcome, isSlow: isSlow, call, error, now: now)
            let isGood = outcome == .success && !(isSlow && configuration.trip.looksAtSlowCalls)
            if isGood { probes.good += 1 } else { probes.bad += 1 }
        }
        return verdict(now: now)
    }

    mutating func verdict(now: TimeSource.Instant) -> TripRequest? {
        guard !probes.areGivenUp else { return nil }
        let number = configuration.halfOpen.probes
        switch configuration.halfOpen.verdict.kind {
        case .all: return verdict(needing: number, of: number, now: now)
        case .successes(let count): return verdict(needing: count, of: number, now: now)
        case .rate(let failures, let slow):
            let counts = window.counts
            guard counts.calls >= number else { return nil }
            let failed = counts.failures.isShare(failures, of: counts.calls)
            let slowed = slow.map { counts.slow.isShare($0, of: counts.calls) } ?? false
            if failed || slowed { return request(.probesFailed) }
            change(to: .closed, .probesSucceeded, now: now)
            return nil
        }
    }

    private mutating func verdict(needing count: Int, of number: Int, now: TimeSource.Instant) -> TripRequest? {
        if probes.bad > number - count { return request(.probesFailed) }
        if probes.good >= count { change(to: .closed, .probesSucceeded, now: now) }
        return nil
    }
}
