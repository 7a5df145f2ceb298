import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

/// Limiters and throttles described by a document.
@Suite("Limiter: documents", .timeLimit(.minutes(30)))
struct LimiterDocumentTests {
    typealias Single = RateLimiter.Configuration
    typealias Keyed = RateLimiter.KeyedConfiguration
    typealias Throttle = AdaptiveThrottle.Configuration
    typealias Rule = RateLimiter.Rule

    private func faults<Part: DocumentRepresentable>(
        _ document: ConfigurationValue, as part: Part.Type, onto base: Part = .documentBase
    ) -> [String] {
        do {
            _ = try Part(document, onto: base)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("A document can say everything about a limiter, a keyed limiter and a throttle")
    func documentsThatSayEverything() throws {
        let single = try JSONDecoder().decode(
            Single.self,
            from: Data(
                """
                {"rule": {"kind": "tokenBucket", "permits": 100, "period": "1s", "burst": 20}, "maxWait": "2s"}
                """.utf8))
        #expect(single == Single(rule: .tokenBucket(100, per: .seconds(1), burst: 20), maxWait: .seconds(2)))
        let keyed = try JSONDecoder().decode(
            Keyed.self,
            from: Data(
                """
                {"rule": {"kind": "slidingLog", "permits": 5, "period": "1m"}, "maxWait": "250ms", "maxKeys": 9,
                 "whenFull": "refusesNewKeys"}
                """.utf8))
        #expect(
            keyed
                == Keyed(
                    rule: .slidingLog(5, per: .seconds(60)), maxWait: .milliseconds(250), maxKeys: 9,
                    whenFull: .refusesNewKeys))
        let throttle = try JSONDecoder().decode(
            Throttle.self,
            from: Data(
                """
                {"multiplier": 1.5, "window": "1m", "buckets": 6, "maxRejection": 1, "minimumRequests": 0}
                """.utf8))
        let expected = Throttle(
            multiplier: 1.5, window: .seconds(60), buckets: 6, maxRejection: 1, minimumRequests: 0)
        #expect(throttle.document == expected.document)
        #expect(throttle.multiplier == 1.5 && throttle.minimumRequests == 0 && throttle.buckets == 6)
    }

    @Test(
        "the forms of a rule",
        arguments: [
            (["kind": "tokenBucket", "permits": 5, "period": "1s"], .tokenBucket(5, per: .seconds(1))),
            (["permits": 5, "period": "1s"], .tokenBucket(5, per: .seconds(1))),
            (["permits": 5, "period": "1s", "burst": nil], .tokenBucket(5, per: .seconds(1))),
            (["permits": 5, "period": "1s", "burst": 9], .tokenBucket(5, per: .seconds(1), burst: 9)),
            (
                ["kind": "tokenBucket", "permits": 5, "period": "1s", "burst": 1],
                .tokenBucket(5, per: .seconds(1), burst: 1)
            ),
            (["kind": "pacing", "permits": 5, "period": "1s"], .pacing(5, per: .seconds(1))),
            (["kind": "fixedWindow", "permits": 5, "period": "1h"], .fixedWindow(5, per: .seconds(3600))),
            (["kind": "slidingWindow", "permits": 5, "period": "1s"], .slidingWindow(5, per: .seconds(1))),
            (["kind": "slidingLog", "permits": 5, "period": "1s"], .slidingLog(5, per: .seconds(1))),
        ] as [(ConfigurationValue, Rule)])
    func forms(document: ConfigurationValue, expected: Rule) throws {
        let configuration = try Single(["rule": document])
        #expect(configuration == Single(rule: expected))
        #expect(try Single(configuration.document) == configuration)
        #expect(try Single(configuration.document, onto: Single(rule: .pacing(1, per: .seconds(9)))) == configuration)
    }

    @Test("part of a rule changes what is there; a burst that was not given follows the limit")
    func partialRules() throws {
        func read(_ document: ConfigurationValue, onto rule: Rule) throws -> Rule {
            try Single(["rule": document], onto: Single(rule: rule)).rule
        }
        let second = Duration.seconds(1)
        #expect(try read(["permits": 8], onto: .tokenBucket(5, per: second)) == .tokenBucket(8, per: second))
        #expect(
            try read(["permits": 8], onto: .tokenBucket(5, per: second, burst: 2))
                == .tokenBucket(8, per: second, burst: 2))
        #expect(
            try read(["burst": 3], onto: .tokenBucket(5, per: second)) == .tokenBucket(5, per: second, burst: 3))
        #expect(try read(["burst": nil], onto: .tokenBucket(5, per: second, burst: 2)) == .tokenBucket(5, per: second))
        #expect(
            try read(["kind": "tokenBucket"], onto: .tokenBucket(5, per: second, burst: 2))
                == .tokenBucket(5, per: second, burst: 2))
        #expect(try read(["kind": "slidingLog"], onto: .tokenBucket(5, per: second)) == .slidingLog(5, per: second))
        #expect(try read(["kind": "tokenBucket"], onto: .pacing(5, per: second)) == .tokenBucket(5, per: second))
        #expect(
            try read(["period": "2s"], onto: .fixedWindow(5, per: second)) == .fixedWindow(5, per: .seconds(2)))
        #expect(
            try Single(["maxWait": "1s"], onto: Single(rule: .pacing(1, per: second)))
                == Single(rule: .pacing(1, per: second), maxWait: second))
    }

    @Test("the conditions declared in code stay")
    func functions() throws {
        let base = Throttle(ignores: .all)
        let read = try Throttle(["multiplier": 3], onto: base)
        #expect(read.multiplier == 3)
        #expect(read.conditions.judge(InjectedFailure(), in: nil) == .ignored)
    }

    @Test("a document has to declare a rule")
    func noRule() {
        #expect(faults([:], as: Single.self) == ["rule: nothing is given, but the key is needed"])
        #expect(faults(["maxKeys": 3], as: Keyed.self) == ["rule: nothing is given, but the key is needed"])
        #expect(
            faults(["rule": [:]], as: Single.self) == [
                "rule.permits: 0 is outside 1...1000000000000000",
                "rule.period: 0.0 seconds is outside 1 ns...292 years",
            ])
        #expect(
            faults(["rule": ["permits": 3]], as: Single.self)
                == ["rule.period: 0.0 seconds is outside 1 ns...292 years"])
        #expect(
            faults(["rule": ["period": "3s"]], as: Single.self)
                == ["rule.permits: 0 is outside 1...1000000000000000"])
    }

    @Test("every fault is reported at its place in the document")
    func faultsOfDocuments() {
        #expect(
            faults(
                [
                    "rule": ["kind": "tokenBuckets", "permits": 0, "period": "-1s", "burst": 0, "brst": 1],
                    "maxWait": "-1s", "maxwait": "1s",
                ], as: Single.self) == [
                    "rule.kind: \"tokenBuckets\" is none of tokenBucket, pacing, fixedWindow, slidingWindow, "
                        + "slidingLog; did you mean tokenBucket?",
                    "rule.brst: 1 is for an unknown key; did you mean burst?",
                    "maxwait: \"1s\" is for an unknown key; did you mean maxWait?",
                    "rule.permits: 0 is outside 1...1000000000000000",
                    "rule.period: \"-1s\" is outside 1 ns...292 years",
                    "maxWait: \"-1s\" is outside 0 s...292 years",
                ])
        #expect(
            faults(["rule": ["permits": 2, "period": "1ns", "burst": 0]], as: Single.self) == [
                "rule.burst: 0 is outside 1...1000000000000000", "rule.permits: 2 is more than one a nanosecond",
            ])
        #expect(
            faults(["rule": ["kind": "pacing", "permits": 5, "period": "1s", "burst": 2]], as: Single.self)
                == ["rule.burst: 2 is for an unknown key"])
        #expect(
            faults(["rule": ["kind": "slidingLog", "permits": 1_000_001, "period": "1s"]], as: Single.self)
                == ["rule.permits: 1000001 is outside 1...1000000"])
        #expect(faults(["rule": "fast"], as: Single.self).first == "rule: \"fast\" is not an object")
        #expect(
            faults(
                ["rule": ["permits": 1, "period": "1s"], "maxKeys": 0, "whenFull": "forgets"], as: Keyed.self) == [
                    "whenFull: \"forgets\" is none of forgetsLeastUsed, refusesNewKeys",
                    "maxKeys: 0 is outside 1...1000000000",
                ])
        #expect(
            faults(
                [
                    "multiplier": 0.5, "window": "0s", "buckets": 0, "maxRejection": 2, "minimumRequests": -1,
                    "minimumRequest": 1,
                ], as: Throttle.self) == [
                    "minimumRequest: 1 is for an unknown key; did you mean minimumRequests?",
                    "multiplier: 0.5 is outside 1.0...1000.0", "window: \"0s\" is outside 1 ns...292 years",
                    "buckets: 0 is outside 1...10000", "maxRejection: 2 is outside 0.0...1.0",
                    "minimumRequests: -1 is outside 0...1000000",
                ])
    }

    @Test("read from what was written: 1000 random configurations")
    func roundTrip() throws {
        let other = Keyed(rule: .tokenBucket(7, per: .seconds(7), burst: 70), maxWait: .seconds(7), maxKeys: 7)
        try forSeeds(seeds(1_000)) { seed, _ in
            let keyed = Keyed.random(seed: seed)
            let read = try JSONDecoder().decode(Keyed.self, from: JSONEncoder().encode(keyed))
            #expect(read == keyed, "seed \(seed)")
            #expect(try Keyed(keyed.document, onto: other) == keyed, "seed \(seed)")
            #expect(try Single(keyed.single.document, onto: other.single) == keyed.single, "seed \(seed)")
            let throttle = Throttle.random(seed: seed)
            let readThrottle = try JSONDecoder().decode(Throttle.self, from: JSONEncoder().encode(throttle))
            #expect(readThrottle.document == throttle.document, "seed \(seed)")
        }
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 43)
        var applied = 0
        forSeeds(seeds(10_000)) { seed, _ in
            let base = Keyed(rule: .tokenBucket(3, per: .seconds(3), burst: 9))
            var keyed = base
            do throws(ConfigurationError) {
                try keyed.apply(Keyed.random(seed: seed % 500).document.mutated(using: &generator))
                applied += 1
                #expect(throws: Never.self) { try keyed.validate() }
                // What is valid can be counted by.
                _ = keyed.rule.meter(anchor: 0)
            } catch {
                #expect(keyed == base && !error.faults.isEmpty, "seed \(seed)")
            }
            var throttle = Throttle(multiplier: 3)
            do throws(ConfigurationError) {
                try throttle.apply(Throttle.random(seed: seed % 500).document.mutated(using: &generator))
                #expect(throws: Never.self) { try throttle.validate() }
            } catch {
                #expect(throttle.document == Throttle(multiplier: 3).document, "seed \(seed)")
            }
        }
        #expect((0.05...0.95).contains(Double(applied) / Double(inputs(10_000))), "\(applied)")
    }
}

extension RateLimiter.KeyedConfiguration {
    fileprivate static func random(seed: UInt64) -> Self {
        var generator = SplitMix64(seed: seed)
        func count(_ most: Int) -> Int { Int.random(in: 1...most, using: &generator) }
        let (limit, period) = (count(1000), Duration.nanoseconds(Int64(1000 + count(99_999_999))))
        let rules: [RateLimiter.Rule] = [
            .tokenBucket(limit, per: period), .tokenBucket(limit, per: period, burst: count(99)),
            .pacing(limit, per: period), .fixedWindow(limit, per: period), .slidingWindow(limit, per: period),
            .slidingLog(limit, per: period),
        ]
        return Self(
            rule: rules.randomElement(using: &generator) ?? rules[0], maxWait: .milliseconds(count(9) - 1),
            maxKeys: count(99), whenFull: Bool.random(using: &generator) ? .forgetsLeastUsed : .refusesNewKeys)
    }
}

extension AdaptiveThrottle.Configuration {
    fileprivate static func random(seed: UInt64) -> Self {
        var generator = SplitMix64(seed: seed)
        return Self(
            multiplier: Double.random(in: 1...9, using: &generator),
            window: .nanoseconds(Int64.random(in: 1...99_999_999_999, using: &generator)),
            buckets: Int.random(in: 1...99, using: &generator),
            maxRejection: Double.random(in: 0...1, using: &generator),
            minimumRequests: Int.random(in: 0...99, using: &generator))
    }
}
