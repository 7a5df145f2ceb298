import CircuitBreakers
import ResilienceCore
import Testing

@Suite struct SharedCircuitRuleTests {
    @Test("The default rule is valid, and so are the ends of all ranges")
    func valid() throws {
        try SharedCircuitRule().validate()
        try SharedCircuitRule(
            trip: .failures(1), window: .milliseconds(100), minimumNodes: 1, minimumShare: 0, maxNodeShare: 1,
            breakLength: .growing(from: .milliseconds(1), factor: 1, upTo: .milliseconds(1))
        ).validate()
        try SharedCircuitRule(
            trip: .slowCallRate(1, minimumCalls: 1), window: .seconds(3600), minimumNodes: 4096, minimumShare: 1,
            breakLength: .growing(from: .seconds(86_400), factor: 100, upTo: .seconds(86_400))
        ).validate()
        try SharedCircuitRule(trip: .failureRate(1, minimumCalls: 1)).validate()
        for length in [Duration.milliseconds(1), .seconds(86_400)] {
            try SharedCircuitRule(breakLength: .fixed(length)).validate()
        }
    }

    @Test("All faults of a rule are told at once, each with its field, value and range")
    func faults() {
        let rule = SharedCircuitRule(
            trip: .failureRate(0, minimumCalls: 0), window: .milliseconds(99), minimumNodes: 0, minimumShare: 1.5,
            maxNodeShare: .nan, breakLength: .growing(from: .zero, factor: 0.5, upTo: .seconds(-1)))
        let error = #expect(throws: ConfigurationError.self) { try rule.validate() }
        #expect(
            error?.faults.map(\.field)
                == [
                    "trip.failureRate", "trip.minimumCalls", "window", "minimumNodes", "minimumShare", "maxNodeShare",
                    "breakLength.from", "breakLength.factor", "breakLength.upTo",
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
            (.init(window: .seconds(3600) + .nanoseconds(1)), "window"), (.init(minimumNodes: 4097), "minimumNodes"),
            (.init(minimumShare: 1.000_001), "minimumShare"), (.init(maxNodeShare: 1.000_001), "maxNodeShare"),
            (.init(breakLength: .growing(factor: 100.000_001)), "breakLength.factor"),
            (.init(breakLength: .growing(factor: 0.999_999)), "breakLength.factor"),
            (.init(breakLength: .growing(upTo: .seconds(86_400) + .nanoseconds(1))), "breakLength.upTo"),
            (.init(breakLength: .growing(upTo: .seconds(5) - .nanoseconds(1))), "breakLength.upTo"),
            (.init(breakLength: .fixed(.milliseconds(1) - .nanoseconds(1))), "breakLength"),
            (.init(breakLength: .fixed(.seconds(86_400) + .nanoseconds(1))), "breakLength"),
        ]
        for (rule, field) in rules {
            let error = #expect(throws: ConfigurationError.self) { try rule.validate() }
            #expect(error?.faults.map(\.field) == ["fleetCircuit.rule.\(field)"])
        }
    }

    @Test("A rule in whole numbers: shares in millionths, durations in microseconds")
    func parts() {
        let parts = SharedCircuitRule(
            trip: .failureRate(0.07, minimumCalls: 20), minimumShare: 0.1 + 0.2, maxNodeShare: 1.0 / 3,
            breakLength: .growing(factor: 1.5)
        ).parts
        #expect(parts.trip == .failureRate && parts.threshold == 70_000 && parts.minimumCalls == 20)
        #expect(parts.window == 10_000_000 && parts.minimumNodes == 2)
        // Rounded up, but for the error of binary fractions.
        #expect(parts.minimumShare == 300_000 && parts.maxNodeShare == 333_334)
        #expect(parts.breakLength == 5_000_000 && parts.breakFactor == 1500 && parts.maxBreakLength == 60_000_000)
        #expect((1...8).map { parts.breakLength($0) / 1000 } == [5000, 7500, 11250, 16875, 25312, 37968, 56953, 60000])
        let slow = SharedCircuitRule(breakLength: .growing(factor: 1.001)).parts
        #expect((1...3).map { slow.breakLength($0) } == [5_000_000, 5_005_000, 5_010_005])
        let fixed = SharedCircuitRule(breakLength: .fixed(.seconds(7))).parts
        #expect((1...3).map { fixed.breakLength($0) } == [7_000_000, 7_000_000, 7_000_000])
        #expect(fixed.breakFactor == 1000 && fixed.maxBreakLength == 7_000_000)
    }

    @Test("A share that is no whole number of millionths is rounded up, but for the error of binary fractions")
    func millionths() {
        let shares: [(Double, Int64)] = [
            (0.500_000_05, 500_001), (0.500_000_5, 500_001), (0.1 + 0.2, 300_000), (0.7, 700_000), (0, 0),
            (1, 1_000_000),
        ]
        for (share, expected) in shares {
            #expect(SharedCircuitRule(minimumShare: share).parts.minimumShare == expected, "\(share)")
        }
    }

    @Test("What is written of the lengths of breaks is what is read again")
    func documents() throws {
        for length in [
            SharedCircuitRule.BreakLength.fixed(.seconds(3)),
            .growing(from: .seconds(2), factor: 1.5, upTo: .seconds(20)),
        ] {
            let configuration = FleetCircuit.Configuration(rule: .init(breakLength: length))
            let document = configuration.document
            #expect(try FleetCircuit.Configuration(document).rule.breakLength == length)
        }
    }

    @Test("A rule that was not validated does no harm: each part is brought into its range")
    func clampedParts() {
        for factor in [0.5, -1, .nan] {
            let low = SharedCircuitRule(
                trip: .failureRate(-1, minimumCalls: -5), window: .seconds(-1), minimumNodes: 0, minimumShare: -1,
                maxNodeShare: 0, breakLength: .growing(from: .zero, factor: factor, upTo: .zero)
            ).parts
            #expect(low.threshold == 1 && low.minimumCalls == 1 && low.window == 100_000 && low.minimumNodes == 1)
            #expect(low.minimumShare == 0 && low.maxNodeShare == 1 && low.breakFactor == 1000)
            #expect(low.breakLength == 1000 && low.maxBreakLength == 1000)
        }
        for factor in [100.5, 1000, .infinity] {
            let high = SharedCircuitRule(
                trip: .slowCallRate(2, minimumCalls: .max), window: .seconds(1_000_000), minimumNodes: 9999,
                minimumShare: 2,
                maxNodeShare: 2,
                breakLength: .growing(from: .seconds(1_000_000), factor: factor, upTo: .seconds(1_000_000))
            ).parts
            #expect(high.threshold == 1_000_000 && high.minimumCalls == 100_000_000)
            #expect(high.window == 3_600_000_000 && high.minimumNodes == 4096 && high.minimumShare == 1_000_000)
            #expect(high.maxNodeShare == 1_000_000 && high.breakFactor == 100_000)
            #expect(high.breakLength == 86_400_000_000 && high.maxBreakLength == 86_400_000_000)
        }
        let slow = SharedCircuitRule(trip: .slowCallRate(-1, minimumCalls: 0)).parts
        #expect(slow.threshold == 1 && slow.minimumCalls == 1)
        let counts = [0, 1, 100_000_000, Int.max].map { SharedCircuitRule(trip: .failures($0)).parts.threshold }
        #expect(counts == [1, 1, 100_000_000, 100_000_000])
    }
}
