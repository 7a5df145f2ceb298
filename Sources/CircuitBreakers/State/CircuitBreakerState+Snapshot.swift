internal import ResilienceCore

extension CircuitBreakerState {
    /// Call ``advance(to:)`` first.
    func snapshot(now: TimeSource.Instant) -> CircuitBreaker.Snapshot {
        CircuitBreaker.Snapshot(
            state: state, consecutiveOpens: consecutiveOpens, contents: window.contents(now: now), totals: totals,
            remainingBreak: state == .open ? now.duration(to: openUntil) : nil, breakLength: breakLength,
            probes: state == .halfOpen ? .init(good: probes.good, bad: probes.bad) : nil)
    }

    /// Takes over a snapshot that has been validated.
    mutating func restore(_ snapshot: CircuitBreaker.Snapshot, now: TimeSource.Instant) -> TripRequest? {
        totals = totals + snapshot.totals
        keep(nil)
        breakLength = .nanoseconds(snapshot.breakLengthNanoseconds)
        openUntil = now.advanced(by: snapshot.remainingBreak ?? .zero)
        change(to: snapshot.state, .restored, now: now)
        consecutiveOpens = snapshot.consecutiveOpens
        window.adopt(snapshot.contents, now: now)
        guard state == .halfOpen, let known = snapshot.probes else { return nil }
        probes = Probes(taken: known.good + known.bad, good: known.good, bad: known.bad)
        return verdict(now: now)
    }
}
