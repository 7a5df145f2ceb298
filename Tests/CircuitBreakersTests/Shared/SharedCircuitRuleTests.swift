import CircuitBreakers
import ResilienceCore
import Testing

@Suite struct SharedCircuitRuleTests {
    @Test("The default rule is valid, and so are the ends of all ranges")
    func valid() throws {
        try SharedCircuitRule().validate()
        try SharedCircuitRule(
            trip: .failures(1), window: .milliseconds(100), minNodes: 1, minShare: 0, maxNodeShare: 1,
            breakLength: .milliseconds(1), breakFactor: 1, maxBreakLength: .milliseconds(1)
        ).validate()
        try SharedCircuitRule(
            trip: .slowCallRate(1, minimumCalls: 1), window: .seconds(3600), minNodes: 4096, minShare: 1,
            breakLength: .seconds(86_400), breakFactor: 100, maxBreakLength: .seconds(86_400)
        ).validate()
    }

    @Test("All faults of a rule are told at once, each with its field, value and range")
    func faults() {
        let rule = SharedCircuitRule(
            trip: .failureRate(0, minimumCalls: 0), window: .milliseconds(99), minNodes: 0, minShare: 1.5,
            maxNodeShare: .nan, breakLength: .zero, breakFactor: 0.5, maxBreakLength: .seconds(-1))
        let error = #expect(throws: ConfigurationError.self) { try rule.validate() }
        #expect(
            error?.faults.map(\.field)
                == [
                    "trip.failureRate", "trip.minimumCalls", "window", "minNodes", "minShare", "maxNodeShare",
                    "breakLength", "breakFactor", "maxBreakLength",
                ].map { "fleetCircuit.rule.\($0)" })
        #expect(
            error?.faults.first?.description
                == "fleetCircuit.rule.trip.failureRate: 0.0 is outside 0...1, without 0")
        for trip in [SharedCircuitRule.Trip.failures(0), .slowCallRate(1.1, minimumCalls: 5)] {
            let error = #expect(throws: ConfigurationError.self) { try SharedCircuitRule(trip: trip).validate() }
            #expect(error?.faults.count == 1)
        }
    }

    @Test("What is just outside its range is refused, each by itself")
    func outsideTheRange() {
        let rules: [(SharedCircuitRule, String)] = [
            (.init(trip: .failures(0)), "trip.failures"),
            (.init(trip: .failureRate(0.5, minimumCalls: 0)), "trip.minimumCalls"),
            (.init(trip: .slowCallRate(0.5, minimumCalls: 0)), "trip.minimumCalls"),
            (.init(trip: .failures(100_000_001)), "trip.failures"),
            (.init(trip: .failureRate(0.5, minimumCalls: 100_000_001)), "trip.minimumCalls"),
            (.init(trip: .slowCallRate(0.5, minimumCalls: 100_000_001)), "trip.minimumCalls"),
            (.init(window: .seconds(3600) + .nanoseconds(1)), "window"), (.init(minNodes: 4097), "minNodes"),
            (.init(minShare: 1.000_001), "minShare"), (.init(maxNodeShare: 1.000_001), "maxNodeShare"),
            (.init(breakFactor: 100.000_001), "breakFactor"),
            (.init(breakFactor: 0.999_999), "breakFactor"),
            (.init(maxBreakLength: .seconds(86_400) + .nanoseconds(1)), "maxBreakLength"),
            (.init(breakLength: .seconds(5), maxBreakLength: .seconds(5) - .nanoseconds(1)), "maxBreakLength"),
        ]
        for (rule, field) in rules {
            let error = #expect(throws: ConfigurationError.self) { try rule.validate() }
            #expect(error?.faults.map(\.field) == ["fleetCircuit.rule.\(field)"])
        }
    }

    @Test("A rule in whole numbers: shares in millionths, durations in microseconds")
    func parts() {
        let parts = SharedCircuitRule(
            trip: .failureRate(0.07, minimumCalls: 20), minShare: 0.1 + 0.2, maxNodeShare: 1.0 / 3, breakFactor: 1.5
        ).parts
        #expect(parts.trip == .failureRate && parts.threshold == 70_000 && parts.minimumCalls == 20)
        #expect(parts.window == 10_000_000 && parts.minNodes == 2)
        // Rounded up, but for the error of binary fractions.
        #expect(parts.minShare == 300_000 && parts.maxNodeShare == 333_334)
        #expect(parts.breakLength == 5_000_000 && parts.breakFactor == 1500 && parts.maxBreakLength == 60_000_000)
        #expect((1...8).map { parts.breakLength($0) / 1000 } == [5000, 7500, 11250, 16875, 25312, 37968, 56953, 60000])
    }

    @Test("A rule that was not validated does no harm: each part is brought into its range")
    func clampedParts() {
        for factor in [0.5, -1, .nan] {
            let low = SharedCircuitRule(
                trip: .failureRate(-1, minimumCalls: -5), window: .seconds(-1), minNodes: 0, minShare: -1,
                maxNodeShare: 0, breakLength: .zero, breakFactor: factor, maxBreakLength: .zero
            ).parts
            #expect(low.threshold == 1 && low.minimumCalls == 1 && low.window == 100_000 && low.minNodes == 1)
            #expect(low.minShare == 0 && low.maxNodeShare == 1 && low.breakFactor == 1000)
            #expect(low.breakLength == 1000 && low.maxBreakLength == 1000)
        }
        for factor in [100.5, 1000, .infinity] {
            let high = SharedCircuitRule(
                trip: .slowCallRate(2, minimumCalls: .max), window: .seconds(1_000_000), minNodes: 9999, minShare: 2,
                maxNodeShare: 2, breakLength: .seconds(1_000_000), breakFactor: factor,
                maxBreakLength: .seconds(1_000_000)
            ).parts
            #expect(high.threshold == 1_000_000 && high.minimumCalls == 100_000_000)
            #expect(high.window == 3_600_000_000 && high.minNodes == 4096 && high.minShare == 1_000_000)
            #expect(high.maxNodeShare == 1_000_000 && high.breakFactor == 100_000)
            #expect(high.breakLength == 86_400_000_000 && high.maxBreakLength == 86_400_000_000)
        }
        let counts = [0, 1, 100_000_000, Int.max].map { SharedCircuitRule(trip: .failures($0)).parts.threshold }
        #expect(counts == [1, 1, 100_000_000, 100_000_000])
    }
}
