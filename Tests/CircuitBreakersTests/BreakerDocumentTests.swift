import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// Breakers described by a document.
@Suite("Breaker: documents", .timeLimit(.minutes(30)))
struct BreakerDocumentTests {
    private func decode(_ json: String) throws -> Configuration {
        try JSONDecoder().decode(Configuration.self, from: Data(json.utf8))
    }

    private func faults(_ document: ConfigurationValue, onto base: Configuration = .init()) -> [String] {
        do {
            _ = try Configuration(document, onto: base)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("a document can say everything that a configuration can")
    func everything() throws {
        let configuration = try decode(
            """
            {
              "trip": {"failureRate": 0.25, "minimumCalls": 10},
              "window": {"duration": "1m", "buckets": 6},
              "slowCallDuration": "250ms",
              "breakLength": {"from": "2s", "factor": 3, "upTo": "1m30s", "jitter": "none"},
              "halfOpen": {"probes": 5, "verdict": {"successes": 4}, "maxWait": "10s", "afterMaxWait": "closed"},
              "initialState": "observing",
              "endsBreakByTimer": true
            }
            """)
        let expected = Configuration(
            trip: .failureRate(0.25, minimumCalls: 10), window: .time(.seconds(60), buckets: 6),
            slowCallDuration: .milliseconds(250),
            breakLength: .growing(from: .seconds(2), factor: 3, upTo: .seconds(90), jitter: .none),
            halfOpen: .init(
                probes: 5, verdict: .successes(atLeast: 4), maxWait: .seconds(10), afterMaxWait: .closed),
            initialState: .observing, endsBreakByTimer: true)
        #expect(configuration.text == expected.text)
        #expect(configuration.document == expected.document)
    }

    @Test(
        "the forms of each part",
        arguments: [
            (["trip": ["consecutiveFailures": 5]], .init(trip: .consecutiveFailures(5))),
            (["trip": ["failureRate": 1]], .init(trip: .failureRate(1))),
            (
                ["trip": ["slowCallRate": 0.5], "slowCallDuration": "1s"],
                .init(trip: .slowCallRate(0.5), slowCallDuration: .seconds(1))
            ),
            (
                ["trip": ["any": [["consecutiveFailures": 3], ["failureRate": 0.5, "minimumCalls": 9]]]],
                .init(trip: .any(.consecutiveFailures(3), .failureRate(0.5, minimumCalls: 9)))
            ),
            (["window": "automatic"], .init(window: .automatic)),
            (["window": "unbounded"], .init(window: .unbounded)),
            (["window": ["calls": 50]], .init(window: .calls(50))),
            (["window": ["duration": "10s"]], .init(window: .time(.seconds(10)))),
            (["breakLength": "30s"], .init(breakLength: .fixed(.seconds(30)))),
            (["breakLength": [:]], .init()),
            (["breakLength": ["upTo": "30s"]], .init(breakLength: .growing(upTo: .seconds(30)))),
            (
                ["breakLength": ["serverHint": ["upTo": "1m", "otherwise": "5s"]]],
                .init(breakLength: .serverHint(upTo: .seconds(60), otherwise: .fixed(.seconds(5))))
            ),
            (["breakLength": ["serverHint": ["upTo": "1m"]]], .init(breakLength: .serverHint(upTo: .seconds(60)))),
            (["halfOpen": ["verdict": "all"]], .init()),
            (
                ["halfOpen": ["verdict": ["failureRate": 0.5]]],
                .init(halfOpen: .init(verdict: .failureRate(below: 0.5)))
            ),
            (
                ["halfOpen": ["verdict": ["failureRate": 0.5, "slowCallRate": 0.2]], "slowCallDuration": "1s"],
                .init(
                    slowCallDuration: .seconds(1),
                    halfOpen: .init(verdict: .failureRate(below: 0.5, slowCallRate: 0.2)))
            ),
            (["slowCallDuration": nil], .init()),
        ] as [(ConfigurationValue, Configuration)])
    func forms(document: ConfigurationValue, expected: Configuration) throws {
        let configuration = try Configuration(document)
        #expect(configuration.text == expected.text)
        #expect(try Configuration(configuration.document).text == expected.text)
    }

    @Test("part of a rule changes what is there; another rule starts from its own defaults")
    func partialRules() throws {
        let base = Configuration(
            trip: .failureRate(0.3, minimumCalls: 50), window: .time(.seconds(30), buckets: 3),
            slowCallDuration: .seconds(1), breakLength: .growing(from: .seconds(1), factor: 3),
            halfOpen: .init(probes: 9, verdict: .failureRate(below: 0.5, slowCallRate: 0.2)))
        func trip(_ document: ConfigurationValue) throws -> ConfigurationValue? {
            try Configuration(["trip": document], onto: base).trip.document
        }
        #expect(try trip(["minimumCalls": 40]) == ["failureRate": 0.3, "minimumCalls": 40])
        #expect(try trip(["failureRate": 0.4]) == ["failureRate": 0.4, "minimumCalls": 50])
        #expect(try trip(["slowCallRate": 0.4]) == ["slowCallRate": 0.4, "minimumCalls": 20])
        #expect(try Configuration(["window": ["buckets": 5]], onto: base).window == .time(.seconds(30), buckets: 5))
        #expect(
            try Configuration(["window": ["duration": "5s"]], onto: base).window == .time(.seconds(5), buckets: 3))
        #expect(
            try Configuration(["breakLength": ["upTo": "9s"]], onto: base).breakLength.document
                == ["from": "1s", "factor": .number(3), "upTo": "9s", "jitter": 0.1])
        let halfOpen = try Configuration(["halfOpen": ["verdict": ["slowCallRate": nil]]], onto: base).halfOpen
        #expect(halfOpen == .init(probes: 9, verdict: .failureRate(below: 0.5)))
        let slow = Configuration(trip: .slowCallRate(0.3, minimumCalls: 50), slowCallDuration: .seconds(1))
        #expect(
            try Configuration(["trip": ["minimumCalls": 40]], onto: slow).trip.document
                == ["slowCallRate": 0.3, "minimumCalls": 40])
        #expect(
            try Configuration(["trip": ["failureRate": 0.3]], onto: slow).trip.document
                == ["failureRate": 0.3, "minimumCalls": 20])
        let hinted = Configuration(breakLength: .serverHint(upTo: .seconds(9), otherwise: .fixed(.seconds(1))))
        #expect(
            try Configuration(["breakLength": ["serverHint": ["otherwise": "2s"]]], onto: hinted).breakLength.document
                == ["serverHint": ["upTo": "9s", "hintJitter": 0.2, "otherwise": "2s"]])
    }

    @Test("functions declared in code stay")
    func functions() throws {
        struct Teapot: Error {}
        let base = Configuration(
            trip: .any(.failureRate(0.5), .when { $0.ignored == 2 }),
            breakLength: .custom(upTo: .seconds(9), otherwise: .fixed(.seconds(5))) { _ in .seconds(7) },
            ignores: .only(Teapot.self))
        let written = base.document
        #expect(written["trip"] == ["failureRate": 0.5, "minimumCalls": 20])
        #expect(written["breakLength"] == ["upTo": "9s", "otherwise": "5s"])
        for document in [written, [:], ["trip": ["consecutiveFailures": 99], "breakLength": ["upTo": "8s"]]] {
            let configuration = try Configuration(document, onto: base)
            #expect(configuration.trip.rules.count == 2)
            let stage = try Stage(configuration, random: .constant(0.5))
            try stage.breaker.tryAcquirePermit().complete(as: .ignored)
            try stage.breaker.tryAcquirePermit().complete(as: .ignored)
            #expect(stage.breaker.remainingBreak == .seconds(7))
            #expect(configuration.conditions.judge(Teapot(), in: nil) == .ignored)
        }
        // Only a function: nothing to write, and it stays.
        let only = Configuration(trip: .when { _ in true })
        #expect(only.document["trip"] == nil)
        #expect(try Configuration(only.document, onto: only).trip.rules.count == 1)
        #expect(try Configuration(["trip": ["any": []]], onto: only).trip.rules.count == 1)
        #expect(try Configuration(["trip": ["any": []]], onto: base).trip.rules.count == 1)
        #expect(try Configuration(["trip": ["minimumCalls": 8]], onto: base).trip.rules.count == 2)
        // A break of another kind takes the place of the function.
        for (document, length) in [
            ("3s" as ConfigurationValue, "3s" as ConfigurationValue),
            (
                ["serverHint": ["upTo": "1s", "otherwise": "1s"]],
                ["serverHint": ["upTo": "1s", "hintJitter": 0.2, "otherwise": "1s"]]
            ),
            (
                ["from": "1s"],
                ["from": "1s", "factor": .number(2), "upTo": "1m", "jitter": 0.1]
            ),
        ] {
            #expect(try Configuration(["breakLength": document], onto: base).breakLength.document == length)
        }
        for key in ["from", "factor", "jitter"] {
            let document: ConfigurationValue = ["breakLength": .object([key: key == "from" ? "5s" : 1])]
            let read = try Configuration(document, onto: base).breakLength.document
            #expect(read["otherwise"] == nil && read["from"] == "5s" && read["jitter"] != nil)
        }
        #expect(
            try Configuration(["breakLength": ["otherwise": "2s"]], onto: base).breakLength.document
                == ["upTo": "9s", "otherwise": "2s"])
    }

    @Test("every fault is reported at its place in the document")
    func faultsOfADocument() {
        #expect(
            faults([
                "trip": ["any": [["failureRate": 2, "minimumCalls": 0], ["consecutiveFailures": 0]]],
                "window": ["calls": 0], "slowCallDuration": "0s",
                "breakLength": ["from": "2s", "upTo": "1s", "factor": 0.5, "jitter": 2, "jiter": 1],
                "halfOpen": ["probes": 0, "maxWait": "-1s", "afterMaxWait": "half-open"], "initialState": "halfOpen",
                "brekLength": "2s",
            ]) == [
                "breakLength.jiter: 1 is for an unknown key; did you mean jitter?",
                "halfOpen.afterMaxWait: \"half-open\" is none of open, closed",
                "initialState: \"halfOpen\" is none of closed, open, isolated, disabled, observing",
                "brekLength: \"2s\" is for an unknown key; did you mean breakLength?",
                "trip.any[0].failureRate: 2 is outside 0...1, without 0",
                "trip.any[0].minimumCalls: 0 is below 1",
                "trip.any[1].consecutiveFailures: 0 is below 1",
                "window.calls: 0 is outside 1...1048576",
                "slowCallDuration: \"0s\" is outside 1 ns...292 years",
                "breakLength.factor: 0.5 is not a number of at least 1",
                "breakLength.upTo: \"1s\" is outside breakLength.from (2.0 seconds)...292 years",
                "breakLength.jitter: 2 is outside 0.0...1.0",
                "halfOpen.probes: 0 is outside 1...1000000",
                "halfOpen.maxWait: \"-1s\" is outside 1 ns...292 years",
            ])
    }

    @Test(
        "a part in an unknown form is refused, and the fault says why",
        arguments: [
            (["trip": [:]], []),
            (["trip": 5], ["trip: 5 is not an object"]),
            (
                ["trip": ["failureRate": 0.5, "consecutiveFailures": 3]],
                ["trip: {…} holds consecutiveFailures and failureRate, of which there can be only one"]
            ),
            (["trip": ["any": []]], ["trip.any: [] is empty"]),
            (["trip": ["any": ["x"]]], ["trip.any[0]: \"x\" is not an object"]),
            (
                ["trip": ["any": [["minimumCalls": 4]]]],
                ["trip.any[0]: {…} holds none of consecutiveFailures, failureRate, slowCallRate, any"]
            ),
            (
                ["trip": ["any": [["any": []]]]],
                [
                    "trip.any[0]: {…} holds none of consecutiveFailures, failureRate, slowCallRate, any",
                    "trip.any[0].any: [] is for an unknown key",
                ]
            ),
            (["trip": ["failureRate": nil]], ["trip.failureRate: null is not a number"]),
            (["trip": ["slowCallRate": 0.5]], ["slowCallDuration: nil is needed by trip.slowCallRate"]),
            (
                ["trip": ["minimumCalls": 51], "window": ["calls": 50]],
                ["trip.minimumCalls: 51 is outside 1...50"]
            ),
            (["window": "automatc"], ["window: \"automatc\" is none of automatic, unbounded; did you mean automatic?"]),
            (["window": ["buckets": 3]], ["window.duration: nothing is given, but the key is needed"]),
            (
                ["window": ["calls": 3, "duration": "1s"]],
                [
                    "window: {…} holds calls and duration, of which there can be only one",
                    "trip.minimumCalls: 20 is outside 1...3",
                ]
            ),
            (["window": ["calls": "many"]], ["window.calls: \"many\" is not a whole number"]),
            (
                ["window": ["duration": 10]],
                ["window.duration: 10 is a number without a unit; write \"10s\" or \"10ms\""]
            ),
            (
                ["breakLength": ["serverHint": [:]]],
                [
                    "breakLength.serverHint.upTo: nothing is given, but the key is needed"
                ]
            ),
            (
                ["breakLength": ["jitter": "decorrelated"]],
                ["breakLength.jitter: \"decorrelated\" is neither a number nor one of none, full, equal"]
            ),
            (
                ["breakLength": ["serverHint": ["upTo": "0s", "hintJitter": 1.5, "otherwise": "0s"]]],
                [
                    "breakLength.serverHint.upTo: \"0s\" is outside 1 ns...292 years",
                    "breakLength.serverHint.hintJitter: 1.5 is outside 0.0...1.0",
                    "breakLength.serverHint.otherwise: \"0s\" is outside 1 ns...292 years",
                ]
            ),
            (["breakLength": ["otherwise": "2s"]], ["breakLength.otherwise: \"2s\" is for an unknown key"]),
            (
                ["halfOpen": ["verdict": ["slowCallRate": 0.5]]],
                [
                    "halfOpen.verdict.failureRate: nothing is given, but the key is needed"
                ]
            ),
            (["halfOpen": ["verdict": ["successes": 4]]], ["halfOpen.verdict.successes: 4 is outside 1...3"]),
            (["halfOpen": ["verdict": "most"]], ["halfOpen.verdict: \"most\" is none of all"]),
            (["endsBreakByTimer": 1], ["endsBreakByTimer: 1 is neither true nor false"]),
        ] as [(ConfigurationValue, [String])])
    func badForms(document: ConfigurationValue, expected: [String]) {
        #expect(faults(document) == expected)
    }

    @Test("read from what was written: 1000 random configurations")
    func roundTrip() throws {
        var valid = 0
        try forSeeds(seeds(1_000)) { seed, _ in
            let configuration = Configuration.random(seed: seed)
            guard (try? configuration.validate()) != nil else { return }
            valid += 1
            let data = try JSONEncoder().encode(configuration)
            let read = try JSONDecoder().decode(Configuration.self, from: data)
            #expect(read.text == configuration.text, "seed \(seed)")
            #expect(try Configuration(configuration.document, onto: .random(seed: seed + 1)).text == configuration.text)
        }
        #expect(valid > inputs(1_000) * 3 / 10)
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 41)
        var applied = 0
        forSeeds(seeds(10_000)) { seed, _ in
            let base = Configuration(slowCallDuration: .seconds(3))
            var configuration = base
            let document = Configuration.random(seed: seed % 500).document.mutated(using: &generator)
            do throws(ConfigurationError) {
                try configuration.apply(document)
                applied += 1
                #expect(throws: Never.self) { try configuration.validate() }
            } catch {
                #expect(configuration.text == base.text && !error.faults.isEmpty, "seed \(seed)")
            }
        }
        #expect((0.05...0.95).contains(Double(applied) / Double(inputs(10_000))), "\(applied)")
    }
}

extension Configuration {
    /// Everything but functions.
    fileprivate var text: String {
        "\(trip.rules) \(window) \(slowCallDuration as Any) \(breakLength) \(halfOpen) \(initialState) \(endsBreakByTimer)"
    }

    fileprivate static func random(seed: UInt64) -> Configuration {
        var generator = SplitMix64(seed: seed)
        func duration() -> Duration { .nanoseconds(Int64.random(in: 1...99_999_999_999, using: &generator)) }
        func rate() -> Double { Double.random(in: 0.001...1, using: &generator) }
        func count(_ most: Int) -> Int { Int.random(in: 1...most, using: &generator) }
        func jitter() -> Jitter {
            [.none, .full, .equal, .ratio(rate())].randomElement(using: &generator) ?? .none
        }
        func rule() -> CircuitBreaker.Trip {
            [
                .consecutiveFailures(count(9)), .failureRate(rate(), minimumCalls: count(9)),
                .slowCallRate(rate(), minimumCalls: count(9)),
            ].randomElement(using: &generator) ?? .consecutiveFailures(1)
        }
        func plainLength() -> CircuitBreaker.BreakLength {
            Bool.random(using: &generator)
                ? .fixed(duration())
                : .growing(from: .seconds(1), factor: 1 + rate(), upTo: .seconds(count(99)), jitter: jitter())
        }
        let verdicts: [CircuitBreaker.Verdict] = [
            .all, .successes(atLeast: count(3)), .failureRate(below: rate()),
            .failureRate(below: rate(), slowCallRate: rate()),
        ]
        let windows: [CircuitBreaker.Window] = [
            .automatic, .unbounded, .calls(8 + count(99)), .time(duration(), buckets: count(99)),
            .interval(duration()),
        ]
        return Configuration(
            trip: Bool.random(using: &generator) ? rule() : .any(rule(), rule()),
            window: windows.randomElement(using: &generator) ?? .automatic,
            slowCallDuration: count(4) == 1 ? nil : duration(),
            breakLength: count(3) == 1
                ? .serverHint(upTo: duration(), hintJitter: rate(), otherwise: plainLength()) : plainLength(),
            halfOpen: .init(
                probes: 2 + count(9), verdict: verdicts.randomElement(using: &generator) ?? .all,
                maxWait: Bool.random(using: &generator) ? nil : duration(),
                afterMaxWait: Bool.random(using: &generator) ? .open : .closed),
            initialState: CircuitBreaker.State.allCases.randomElement(using: &generator) ?? .closed,
            endsBreakByTimer: Bool.random(using: &generator))
    }
}
