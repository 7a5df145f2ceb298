import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Defaults, and configurations that cannot work.
@Suite(.timeLimit(.minutes(30)))
struct ConfigurationTests {
    @Test("GB-01: the defaults of the scenario, set explicitly, and those of this package")
    func defaults() throws {
        let scenario = try Stage(.sixInARow)
        #expect(scenario.state == .closed && scenario.breaker.counts == Counts())
        let configuration = Configuration()
        let breaker = try CircuitBreaker("")
        #expect(breaker.name == "" && breaker.state == .closed && breaker.counts == Counts())
        // Half of at least 20 of the last 100 calls.
        let stage = try Stage(configuration)
        try stage.play("SSSSSSSSSSFFFFFFFFF")
        #expect(stage.state == .closed)
        try stage.play("F")
        #expect(stage.state == .open)
        #expect(configuration.resolvedWindow == .calls(100) && configuration.window == .automatic)
        // A break of five seconds, ±10 %; three probes that must all succeed; no slow calls and no timer.
        #expect(stage.breaker.remainingBreak == .seconds(5))
        #expect(configuration.halfOpen == .init(probes: 3, verdict: .all, maxWait: nil, afterMaxWait: .open))
        #expect(configuration.slowCallDuration == nil && !configuration.endsBreakByTimer)
        #expect(configuration.initialState == .closed)
    }

    @Test("GB-02: an interval or break below zero is refused, not replaced")
    func negativeDurations() {
        // The scenario's toolkit takes them for its defaults; here nobody has to guess what they mean.
        expectFaults(
            .init(window: .interval(.seconds(-30)), breakLength: .fixed(.seconds(-90))),
            [
                "window.duration: -30.0 seconds is outside 1 ns...292 years",
                "breakLength: -90.0 seconds is outside 1 ns...292 years",
            ])
    }

    @Test("a rule for streaks needs no window")
    func streaks() {
        #expect(Configuration(trip: .consecutiveFailures(3)).resolvedWindow == .unbounded)
        #expect(Configuration(trip: .any(.consecutiveFailures(3), .failureRate(1))).resolvedWindow == .calls(100))
        #expect(Configuration(trip: .when { _ in true }).resolvedWindow == .calls(100))
    }

    private func expectFaults(
        _ configuration: Configuration, _ faults: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
            try configuration.validate()
        }
        #expect(
            error?.faults.map(\.description) == faults.map { "circuitBreaker." + $0 }, sourceLocation: sourceLocation)
        let whenBuilt = #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
            _ = try CircuitBreaker("test", configuration)
        }
        #expect(whenBuilt == error, sourceLocation: sourceLocation)
    }

    @Test(
        "rates out of range are refused",
        arguments: [0, -0.0, -0.1, 1.000001, .nan, .infinity, -.infinity] as [Double])
    func rates(rate: Double) {
        let violation = "\(rate) is outside 0...1, without 0"
        expectFaults(.init(trip: .failureRate(rate)), ["trip.failureRate: \(violation)"])
        expectFaults(
            .init(trip: .slowCallRate(rate), slowCallDuration: .seconds(1)), ["trip.slowCallRate: \(violation)"])
        expectFaults(
            .init(
                slowCallDuration: .seconds(1),
                halfOpen: .init(verdict: .failureRate(below: rate, slowCallRate: rate))),
            ["halfOpen.verdict.failureRate: \(violation)", "halfOpen.verdict.slowCallRate: \(violation)"])
    }

    @Test(
        "durations out of range are refused",
        arguments: [Duration.zero, .nanoseconds(-1), Duration(attoseconds: 1), .seconds(9.3e9)])
    func durations(duration: Duration) {
        let violation = "\(duration) is outside 1 ns...292 years"
        expectFaults(.init(window: .time(duration)), ["window.duration: \(violation)"])
        expectFaults(.init(slowCallDuration: duration), ["slowCallDuration: \(violation)"])
        expectFaults(.init(breakLength: .fixed(duration)), ["breakLength: \(violation)"])
        expectFaults(.init(breakLength: .serverHint(upTo: duration)), ["breakLength.serverHint.upTo: \(violation)"])
        expectFaults(
            .init(breakLength: .serverHint(upTo: .seconds(1), otherwise: .fixed(duration))),
            ["breakLength.serverHint.otherwise: \(violation)"])
        expectFaults(
            .init(breakLength: .custom(upTo: .seconds(1), otherwise: .fixed(duration)) { _ in nil }),
            ["breakLength.otherwise: \(violation)"])
        expectFaults(.init(halfOpen: .init(maxWait: duration)), ["halfOpen.maxWait: \(violation)"])
    }

    @Test("counts out of range are refused", arguments: [0, -1, Int.min])
    func counts(count: Int) {
        expectFaults(.init(trip: .consecutiveFailures(count)), ["trip.consecutiveFailures: \(count) is below 1"])
        expectFaults(
            .init(trip: .failureRate(1, minimumCalls: count), window: .unbounded),
            ["trip.minimumCalls: \(count) is below 1"])
        expectFaults(
            .init(trip: .failureRate(1, minimumCalls: 1), window: .calls(count)),
            ["window.calls: \(count) is outside 1...1048576"])
        expectFaults(
            .init(window: .time(.seconds(1), buckets: count)), ["window.buckets: \(count) is outside 1...10000"])
        expectFaults(.init(halfOpen: .init(probes: count)), ["halfOpen.probes: \(count) is outside 1...1000000"])
        expectFaults(
            .init(halfOpen: .init(probes: 2, verdict: .successes(atLeast: count))),
            ["halfOpen.verdict.successes: \(count) is outside 1...2"])
    }

    @Test("values that do not go together are refused")
    func combinations() {
        expectFaults(
            .init(trip: .failureRate(1, minimumCalls: 101)), ["trip.minimumCalls: 101 is outside 1...100"])
        expectFaults(
            .init(trip: .failureRate(1, minimumCalls: 4), window: .calls(3)),
            ["trip.minimumCalls: 4 is outside 1...3"])
        expectFaults(
            .init(halfOpen: .init(probes: 2, verdict: .successes(atLeast: 3))),
            ["halfOpen.verdict.successes: 3 is outside 1...2"])
        expectFaults(
            .init(trip: .slowCallRate(1)), ["slowCallDuration: nil is needed by trip.slowCallRate"])
        expectFaults(
            .init(halfOpen: .init(verdict: .failureRate(below: 1, slowCallRate: 1))),
            ["slowCallDuration: nil is needed by halfOpen.verdict.slowCallRate"])
        expectFaults(
            .init(breakLength: .growing(from: .seconds(2), upTo: .seconds(1))),
            ["breakLength.upTo: 1.0 seconds is outside breakLength.from (2.0 seconds)...292 years"])
        expectFaults(.init(trip: .any()), ["trip.rules: 0 is below 1"])
        for state in [CircuitBreaker.State.halfOpen, .isolated, .disabled, .observing] {
            expectFaults(
                .init(halfOpen: .init(afterMaxWait: state)),
                ["halfOpen.afterMaxWait: \(state) is neither open nor closed"])
        }
        expectFaults(
            .init(initialState: .halfOpen),
            ["initialState: half-open is none of closed, open, isolated, disabled, observing"])
    }

    @Test("factors and jitters out of range are refused", arguments: [-1, 0.999, .nan, .infinity] as [Double])
    func factors(number: Double) {
        expectFaults(
            .init(breakLength: .growing(factor: number)),
            ["breakLength.factor: \(number) is not a number of at least 1"])
        guard number != 0.999 else { return }
        expectFaults(
            .init(breakLength: .growing(jitter: .ratio(number))), ["breakLength.jitter: \(number) is outside 0.0...1.0"]
        )
    }

    @Test("The ends of the ranges of a growing break are allowed", arguments: [1, 1.000_001, 1e300], [0, 0.5, 1])
    func growth(factor: Double, jitter: Double) throws {
        let length = Duration.nanoseconds(1)
        try Configuration(
            breakLength: .growing(from: length, factor: factor, upTo: length, jitter: .ratio(jitter))
        ).validate()
    }

    @Test("a rule is named by its place only among others that have something to be wrong")
    func rulesBesidesPredicates() {
        let violation = "0 is below 1"
        expectFaults(
            .init(trip: .any(.when { _ in false }, .consecutiveFailures(0))),
            ["trip.consecutiveFailures: \(violation)"])
        expectFaults(
            .init(trip: .any(.consecutiveFailures(1), .when { _ in false }, .consecutiveFailures(0))),
            ["trip.any[1].consecutiveFailures: \(violation)"])
    }

    @Test("all faults are reported at once, in the order of the configuration")
    func allAtOnce() throws {
        let configuration = Configuration(
            trip: .any(.failureRate(2, minimumCalls: 9), .consecutiveFailures(0)), window: .calls(5),
            slowCallDuration: .zero, breakLength: .growing(from: .zero, factor: 0, jitter: .ratio(2)),
            halfOpen: .init(probes: 0, maxWait: .zero, afterMaxWait: .isolated), initialState: .halfOpen)
        let fields = [
            "trip.any[0].failureRate", "trip.any[0].minimumCalls", "trip.any[1].consecutiveFailures",
            "slowCallDuration",
            "breakLength.from", "breakLength.factor", "breakLength.jitter", "halfOpen.probes", "halfOpen.maxWait",
            "halfOpen.afterMaxWait", "initialState",
        ]
        var error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.faults.map(\.field) == fields.map { "circuitBreaker." + $0 })
        error = #expect(throws: ConfigurationError.self) {
            _ = try Policy("payments") { CircuitBreaker.layer("inner", configuration) }
        }
        #expect(error?.faults.map(\.field) == fields.map { "payments.circuitBreaker." + $0 })
    }

    @Test("the widest configuration works")
    func widest() throws {
        let most = Duration.nanoseconds(Int64.max)
        let configuration = Configuration(
            trip: .any(.failureRate(1, minimumCalls: .max), .consecutiveFailures(.max)),
            window: .time(most, buckets: 10_000), slowCallDuration: most,
            breakLength: .growing(from: most, factor: .greatestFiniteMagnitude, upTo: most, jitter: .ratio(1)),
            halfOpen: .init(probes: 1_000_000, verdict: .successes(atLeast: 1_000_000), maxWait: most))
        let stage = try Stage(configuration, random: .constant(1))
        try stage.play("SFX", pause: .seconds(1_000_000_000))
        stage.breaker.open()
        #expect(stage.breaker.remainingBreak ?? .zero > .seconds(1_000_000_000))
        try stage.breaker.halfOpen()
        try stage.play("SSS", pause: .seconds(1_000_000_000))
        #expect(stage.breaker.counts.successes == 3)
    }

    @Test(
        "a breaker starts in the state that its configuration says",
        arguments: [CircuitBreaker.State.closed, .open, .isolated, .disabled, .observing])
    func initialState(state: CircuitBreaker.State) throws {
        var configuration = Configuration.fragile()
        configuration.initialState = state
        let stage = try Stage(configuration)
        #expect(stage.state == state && stage.events.isEmpty)
        #expect(stage.breaker.remainingBreak == (state == .open ? .seconds(10) : nil))
        #expect(stage.admits() == [.closed, .disabled, .observing].contains(state))
    }

    @Test("counts saturate")
    func saturation() {
        var totals = CircuitBreaker.Totals()
        totals.failed = .max
        totals.rejected = .max
        totals.count(.failure, isSlow: true)
        #expect(totals.failed == .max && totals.slow == 1 && totals.calls == .max && (totals + totals).calls == .max)
        var counts = Counts()
        (counts.successes, counts.failures, counts.ignored, counts.running) = (.max, .max, .max, .max)
        #expect(counts.calls == .max && counts.requests == .max && counts.failureRate == 1)
    }
}
