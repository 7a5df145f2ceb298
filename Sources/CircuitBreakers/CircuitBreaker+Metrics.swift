public import ResilienceCore

extension CircuitBreaker {
    /// Adds the state, the totals, the window's counts and its rates, as they are now.
    public func collect(into metrics: inout MetricCollection) {
        metrics.claim(meters)
        let reading = advanced { machine, _ in Reading(machine) }
        for (kind, count) in reading.calls(rejectedBeside: uncountedRejections) {
            metrics.add(Families.calls, [name, kind], count)
        }
        for state in State.allCases {
            metrics.add(Families.state, [name, state.rawValue], state == reading.state ? 1 : 0)
        }
        for (from, to, count) in reading.transitions.entries {
            metrics.add(Families.transitions, [name, from.rawValue, to.rawValue], count)
        }
        metrics.add(Families.wouldOpen, [name], reading.totals.wouldOpen)
        metrics.add(Families.failureRate, [name], reading.failureRate)
        metrics.add(Families.slowCallRate, [name], reading.slowCallRate)
        metrics.add(Families.bufferedCalls, [name, "succeeded"], reading.counts.successes)
        metrics.add(Families.bufferedCalls, [name, "failed"], reading.counts.failures)
        metrics.add(Families.slowCalls, [name], reading.counts.slow)
    }

    /// What a breaker measures. The first label is the breaker's name.
    enum Families {
        static let calls = MetricFamily(
            "resilience.circuit_breaker.calls", .counter, labels: ["name", "kind"],
            help: "Calls that a circuit breaker has seen end, or rejected.")
        static let duration = MetricFamily(
            "resilience.circuit_breaker.call_duration", .histogram, labels: ["name", "kind"],
            help: "How long calls through a circuit breaker took that succeeded or failed.")
        static let state = MetricFamily(
            "resilience.circuit_breaker.state", .gauge, labels: ["name", "state"],
            help: "1 for the state a circuit breaker is in, 0 for the others.")
        static let transitions = MetricFamily(
            "resilience.circuit_breaker.transitions", .counter, labels: ["name", "from", "to"],
            help: "Changes of a circuit breaker's state.")
        static let wouldOpen = MetricFamily(
            "resilience.circuit_breaker.would_open", .counter, labels: ["name"],
            help: "How often a rule would have opened a circuit breaker that only observed.")
        static let failureRate = MetricFamily(
            "resilience.circuit_breaker.failure_rate", .gauge, labels: ["name"], combination: .largest,
            help: "Failures among the calls of the window, 0 to 1; not a number below the minimum of calls.")
        static let slowCallRate = MetricFamily(
            "resilience.circuit_breaker.slow_call_rate", .gauge, labels: ["name"], combination: .largest,
            help: "Slow calls among the calls of the window, 0 to 1; not a number below the minimum of calls.")
        static let bufferedCalls = MetricFamily(
            "resilience.circuit_breaker.buffered_calls", .gauge, labels: ["name", "kind"],
            help: "Calls in the window of a circuit breaker.")
        static let slowCalls = MetricFamily(
            "resilience.circuit_breaker.slow_calls", .gauge, labels: ["name"],
            help: "Slow calls in the window of a circuit breaker.")

        static let meterLayout = MeterPoint.Layout(
            durations: duration, kinds: ["succeeded", "failed"], timedKinds: 2)
    }

    /// What is read in one step, so that it belongs together.
    private struct Reading: Sendable {
        let state: State
        let counts: Counts
        let totals: Totals
        let transitions: TransitionCounts
        let failureRate: Double?
        let slowCallRate: Double?

        init(_ machine: CircuitBreakerState) {
            state = machine.state
            counts = machine.counts
            totals = machine.totals
            transitions = machine.transitions
            failureRate = machine.failureRate
            slowCallRate = machine.slowCallRate
        }

        func calls(rejectedBeside rejections: Int) -> [(kind: String, count: Int)] {
            [
                ("succeeded", totals.succeeded), ("failed", totals.failed), ("ignored", totals.ignored),
                ("cancelled", totals.cancelled), ("rejected", totals.rejected.addingSaturated(rejections)),
            ]
        }
    }
}

/// How often a state has followed another.
struct TransitionCounts: Sendable {
    private static let states = CircuitBreaker.State.allCases
    private var counts = [Int](repeating: 0, count: states.count * states.count)

    mutating func count(from: CircuitBreaker.State, to: CircuitBreaker.State) {
        counts[from.position * Self.states.count + to.position].increment()
    }

    /// The four changes of a breaker's ordinary life, and every other that has happened.
    var entries: [(from: CircuitBreaker.State, to: CircuitBreaker.State, count: Int)] {
        var entries: [(from: CircuitBreaker.State, to: CircuitBreaker.State, count: Int)] = []
        for from in Self.states {
            for to in Self.states {
                let count = counts[from.position * Self.states.count + to.position]
                if count > 0 || Self.isOrdinary(from, to) { entries.append((from, to, count)) }
            }
        }
        return entries
    }

    private static func isOrdinary(_ from: CircuitBreaker.State, _ to: CircuitBreaker.State) -> Bool {
        switch (from, to) {
        case (.closed, .open), (.open, .halfOpen), (.halfOpen, .closed), (.halfOpen, .open): true
        default: false
        }
    }
}

extension CircuitBreaker.State {
    /// The position among all cases.
    fileprivate var position: Int {
        switch self {
        case .closed: 0
        case .open: 1
        case .halfOpen: 2
        case .isolated: 3
        case .disabled: 4
        case .observing: 5
        }
    }
}

extension CircuitBreaker.Outcome {
    /// The position in the layout of the breaker's meter. How long other calls took says nothing about the service.
    var meterKind: Int? {
        switch self {
        case .success: 0
        case .failure: 1
        case .ignored, .cancelled: nil
        }
    }
}
