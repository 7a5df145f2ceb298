import Resilience

/// All that the live view shows at one moment.
struct Frame: Sendable {
    let scenario: Scenario
    let elapsed: Duration
    let unprotected: CallLog.Snapshot
    let protected: CallLog.Snapshot
    var gauges = Protection.Gauges()
    var layers = Protection.Totals()
    let events: [StoryEvent]

    var breaker: CircuitBreaker.State { gauges.breaker }

    var phase: Phase { scenario.phase(at: elapsed) }

    /// The breaker's state in each of `cells` equal parts of the run, as far as it has come. A part in which the
    /// breaker was half-open counts as that, however short it was; otherwise the state at the part's end counts.
    func breakerHistory(cells: Int) -> [CircuitBreaker.State] {
        guard cells > 0, scenario.length > .zero else { return [] }
        let cellLength = scenario.length / cells
        var history: [CircuitBreaker.State] = []
        var state = CircuitBreaker.State.closed
        var changes = events.compactMap { event -> (moment: Duration, to: CircuitBreaker.State)? in
            guard case .breaker(let to, _, _) = event.change else { return nil }
            return (event.moment, to)
        }[...]
        for cell in 0..<cells where cellLength * cell <= elapsed {
            var wasHalfOpen = state == .halfOpen
            let end = cellLength * (cell + 1)
            while let change = changes.first, change.moment < end {
                changes.removeFirst()
                state = change.to
                wasHalfOpen = wasHalfOpen || state == .halfOpen
            }
            history.append(wasHalfOpen ? .halfOpen : state)
        }
        return history
    }
}
