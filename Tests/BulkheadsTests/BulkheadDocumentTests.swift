import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

/// Bulkheads described by a document.
@Suite("Bulkhead: documents", .timeLimit(.minutes(30)))
struct BulkheadDocumentTests {
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
        let json = """
            {
              "limit": {"windowed": {"gradient2": {"initial": 30, "maximum": 300}, "window": "500ms"}},
              "queue": {"capacity": 100, "maxWait": "2s", "order": "newestFirst"},
              "partitions": {"gold": 0.5, "silver": 0.25},
              "partitionsBorrow": false
            }
            """
        let configuration = try JSONDecoder().decode(Configuration.self, from: Data(json.utf8))
        let expected = Configuration(
            limit: .adaptive(.windowed(.gradient2(initial: 30, maximum: 300), window: .milliseconds(500))),
            queue: .init(capacity: 100, maxWait: .seconds(2), order: .newestFirst),
            partitions: ["gold": 0.5, "silver": 0.25], partitionsBorrow: false)
        #expect(configuration.text == expected.text)
        #expect(configuration.document == expected.document)
    }

    @Test(
        "the forms of each part",
        arguments: [
            ([:], .init()),
            (["limit": 32], .init(limit: .fixed(32))),
            (["limit": ["aimd": [:]]], .init(limit: .adaptive(.aimd()))),
            (
                ["limit": ["aimd": ["initial": 6, "minimum": 5, "maximum": 7, "backoff": 0.5, "timeout": "1s"]]],
                .init(limit: .adaptive(.aimd(initial: 6, minimum: 5, maximum: 7, backoff: 0.5, timeout: .seconds(1))))
            ),
            (
                [
                    "limit": [
                        "vegas": [
                            "initial": 6, "minimum": 5, "maximum": 7, "smoothing": 0.5, "alpha": 2, "beta": 4,
                            "probeInterval": 9,
                        ]
                    ]
                ],
                .init(
                    limit: .adaptive(
                        .vegas(
                            initial: 6, minimum: 5, maximum: 7, smoothing: 0.5, alpha: 2, beta: 4, probeInterval: 9)))
            ),
            (
                [
                    "limit": [
                        "gradient2": [
                            "initial": 6, "minimum": 5, "maximum": 7, "smoothing": 0.5, "queueSize": 3,
                            "longWindow": 99, "tolerance": 2,
                        ]
                    ]
                ],
                .init(
                    limit: .adaptive(
                        .gradient2(
                            initial: 6, minimum: 5, maximum: 7, smoothing: 0.5, queueSize: 3, longWindow: 99,
                            tolerance: 2)))
            ),
            (
                [
                    "limit": [
                        "windowed": [
                            "vegas": ["initial": 8], "window": "2s", "minimumSamples": 5,
                            "minimumRoundTripTime": "0s", "toleratedDrops": 0.25,
                        ]
                    ]
                ],
                .init(
                    limit: .adaptive(
                        .windowed(
                            .vegas(initial: 8), window: .seconds(2), minimumSamples: 5, minimumRoundTripTime: .zero,
                            toleratedDrops: 0.25)))
            ),
            (["queue": ["capacity": 9]], .init(queue: .init(capacity: 9))),
            (["queue": ["capacity": 9, "maxWait": nil]], .init(queue: .init(capacity: 9, maxWait: nil))),
            (["queue": nil], .init()),
            (["partitions": ["a": 1]], .init(partitions: ["a": 1])),
        ] as [(ConfigurationValue, Configuration)])
    func forms(document: ConfigurationValue, expected: Configuration) throws {
        let configuration = try Configuration(document)
        #expect(configuration.text == expected.text)
        #expect(try Configuration(configuration.document).text == expected.text)
        let data = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(Configuration.self, from: data).text == expected.text)
    }

    @Test("part of an algorithm changes what is there; another one starts from its own defaults")
    func partial() throws {
        func limit(_ document: ConfigurationValue, onto base: Bulkhead.Limit) throws -> ConfigurationValue? {
            try Configuration(["limit": document], onto: .init(limit: base)).limit.document
        }
        let vegas = Bulkhead.Limit.adaptive(.vegas(initial: 50, alpha: 2))
        #expect(
            try limit(["vegas": ["initial": 60]], onto: vegas)
                == Bulkhead.Limit.adaptive(.vegas(initial: 60, alpha: 2))
                .document)
        #expect(try limit(["aimd": [:]], onto: vegas) == Bulkhead.Limit.adaptive(.aimd()).document)
        let windowed = Bulkhead.Limit.adaptive(.windowed(.vegas(initial: 50), window: .seconds(3)))
        #expect(
            try limit(["windowed": ["minimumSamples": 7]], onto: windowed)
                == Bulkhead.Limit.adaptive(.windowed(.vegas(initial: 50), window: .seconds(3), minimumSamples: 7))
                .document)
        #expect(
            try limit(["windowed": ["aimd": [:]]], onto: windowed)
                == Bulkhead.Limit.adaptive(.windowed(.aimd(), window: .seconds(3))).document)
        #expect(
            try limit(["windowed": ["vegas": ["alpha": 1]]], onto: windowed)
                == Bulkhead.Limit.adaptive(.windowed(.vegas(initial: 50, alpha: 1), window: .seconds(3))).document)
        // Not windowed any more.
        #expect(try limit(["vegas": [:]], onto: windowed) == Bulkhead.Limit.adaptive(.vegas()).document)
        #expect(try limit(5, onto: windowed) == 5)
        let base = Configuration(
            queue: .init(capacity: 7, maxWait: nil, order: .newestFirst), partitions: ["a": 0.5, "b": 0.5])
        let queue = try Configuration(["queue": ["maxWait": "3s"]], onto: base).queue
        #expect(queue == .init(capacity: 7, maxWait: .seconds(3), order: .newestFirst))
        #expect(try Configuration(["partitions": ["b": 0.75]], onto: base).partitions == ["b": 0.75])
        #expect(try Configuration(["partitions": [:]], onto: base).partitions == [:])
        #expect(try Configuration(["queue": nil], onto: base).queue == .none)
    }

    @Test("what code declares stays: an algorithm of one's own, the rule for drops, and what is learned")
    func code() throws {
        struct Own: ConcurrencyLimit {
            let limit = 3
            mutating func record(
                roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
            ) {}
        }
        let own = Configuration(limit: .adaptive(Own()))
        #expect(own.document["limit"] == nil)
        #expect(try Configuration(["partitionsBorrow": false], onto: own).limit.initial == 3)
        #expect(Configuration(limit: .adaptive(.windowed(Own()))).document["limit"] == nil)
        #expect(try Configuration(["limit": ["vegas": [:]]], onto: own).limit.initial == 20)

        let base = Configuration(limit: .adaptive(.aimd(minimum: 1), handles: .only(InjectedFailure.self)))
        let clock = ManualClock()
        let bulkhead = try Bulkhead("b", base, clock: clock)
        func end(_ error: (any Error)?) throws {
            clock.advance(by: .seconds(1))
            let permits = try (0..<20).map { _ in try bulkhead.held() }
            for permit in permits {
                if let error { permit.release(after: error) } else { permit.release() }
            }
        }
        try end(InjectedFailure())
        #expect(bulkhead.limit == 18)
        // Unchanged: the same algorithm, with what it has learned.
        try bulkhead.update(try Configuration(base.document, onto: base))
        #expect(bulkhead.limit == 18)
        try bulkhead.update(try Configuration(["limit": ["aimd": ["backoff": 0.5]]], onto: base))
        #expect(bulkhead.limit == 18)
        clock.advance(by: .seconds(1))
        try bulkhead.held().release(after: InjectedFailure())
        #expect(bulkhead.limit == 9)
    }

    @Test(
        "every fault is reported at its place in the document",
        arguments: [
            (["limit": -1], ["limit: -1 is outside 0...1000000000"]),
            (["limit": "many"], ["limit: \"many\" is not a whole number"]),
            (["limit": nil], ["limit: null is not a whole number"]),
            (["limit": [:]], ["limit: {} holds none of aimd, vegas, gradient2, windowed"]),
            (
                ["limit": ["vega": [:]]],
                [
                    "limit: {…} holds none of aimd, vegas, gradient2, windowed",
                    "limit.vega: {} is for an unknown key; did you mean vegas?",
                ]
            ),
            (
                ["limit": ["aimd": [:], "vegas": [:]]],
                ["limit: {…} holds aimd and vegas, of which there can be only one"]
            ),
            (["limit": ["aimd": 5]], ["limit.aimd: 5 is not an object"]),
            (
                ["limit": ["aimd": ["initial": 5, "backoff": 1, "timeout": "0s", "maximun": 3]]],
                [
                    "limit.aimd.maximun: 3 is for an unknown key; did you mean maximum?",
                    "limit.aimd.initial: 5 is outside minimum...maximum (20...200)",
                    "limit.aimd.backoff: 1 is outside 0.5..<1",
                    "limit.aimd.timeout: \"0s\" is outside 1 ns...292 years",
                ]
            ),
            (
                ["limit": ["windowed": ["window": "2s"]]],
                ["limit.windowed: {…} holds none of aimd, vegas, gradient2"]
            ),
            (["limit": ["windowed": 2]], ["limit.windowed: 2 is not an object"]),
            (
                ["limit": ["windowed": ["vegas": ["smoothing": 2], "minimumSamples": 0, "toleratedDrops": 1]]],
                [
                    "limit.windowed.vegas.smoothing: 2 is not above 0 and at most 1",
                    "limit.windowed.minimumSamples: 0 is outside 1...1000000",
                    "limit.windowed.toleratedDrops: 1 is outside 0..<1",
                ]
            ),
            (
                ["limit": ["windowed": ["windowed": ["vegas": [:]]]]],
                [
                    "limit.windowed: {…} holds none of aimd, vegas, gradient2",
                    "limit.windowed.windowed: {…} is for an unknown key; did you mean window?",
                ]
            ),
            (["queue": ["maxWait": "2s"]], ["queue.capacity: nothing is given, but the key is needed"]),
            (
                ["queue": ["capacity": -1, "maxWait": "0s", "order": "oldest"]],
                [
                    "queue.order: \"oldest\" is none of oldestFirst, newestFirst",
                    "queue.capacity: -1 is outside 0...1000000",
                    "queue.maxWait: \"0s\" is outside 1 ns...292 years",
                ]
            ),
            (
                ["partitions": ["a": 2, "b.c": -1, "d": "half"], "partitionBorrow": true],
                [
                    "partitions.d: \"half\" is not a number",
                    "partitionBorrow: true is for an unknown key; did you mean partitionsBorrow?",
                    "partitions.a: 2 is outside 0.0...1.0",
                    "partitions.\"b.c\": -1 is outside 0.0...1.0",
                ]
            ),
            (["partitions": ["a": 0.75, "b": 0.5]], ["partitions: a sum of 1.25 is above 1"]),
            (["partitions": []], ["partitions: [] is not an object"]),
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
            #expect(
                try Configuration(configuration.document, onto: .random(seed: seed + 1)).text == configuration.text,
                "seed \(seed)")
        }
        #expect(valid > inputs(1_000) / 2, "\(valid)")
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 47)
        var applied = 0
        forSeeds(seeds(10_000)) { seed, _ in
            let base = Configuration(limit: .fixed(7))
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
        let limit =
            switch limit.kind {
            case .fixed(let limit): "\(limit)"
            case .adaptive(let adaptive): "\(adaptive.initial)"
            }
        return "\(limit) \(queue) \(partitions.sorted { $0.key < $1.key }) \(partitionsBorrow)"
    }

    fileprivate static func random(seed: UInt64) -> Configuration {
        var generator = SplitMix64(seed: seed)
        func duration() -> Duration { .nanoseconds(Int64.random(in: 1_000_000...99_999_999_999, using: &generator)) }
        func rate() -> Double { Double.random(in: 0.001..<1, using: &generator) }
        func count(_ most: Int) -> Int { Int.random(in: 1...most, using: &generator) }
        func plain() -> (Bulkhead.Limit, Bulkhead.Limit) {
            let (minimum, maximum) = (count(9), 100 + count(9))
            let initial = 10 + count(80)
            let (window, samples) = (duration(), count(50))
            func both(_ limit: some ConcurrencyLimit) -> (Bulkhead.Limit, Bulkhead.Limit) {
                (.adaptive(limit), .adaptive(.windowed(limit, window: window, minimumSamples: samples)))
            }
            switch count(3) {
            case 1:
                return both(
                    .aimd(
                        initial: initial, minimum: minimum, maximum: maximum, backoff: 0.5 + rate() / 2,
                        timeout: duration()))
            case 2:
                return both(
                    .vegas(
                        initial: initial, minimum: minimum, maximum: maximum, smoothing: rate(), alpha: count(3),
                        beta: 3 + count(3), probeInterval: count(99)))
            default:
                return both(
                    .gradient2(
                        initial: initial, minimum: minimum, maximum: maximum, smoothing: rate(), queueSize: count(9),
                        longWindow: 9 + count(99), tolerance: 1 + rate()))
            }
        }
        let (single, windowed) = plain()
        let limits: [Bulkhead.Limit] = [.fixed(count(99)), single, windowed]
        var partitions: [String: Double] = [:]
        for name in ["a", "b", "c d"].prefix(count(4) - 1) { partitions[name] = rate() / 2 }
        return Configuration(
            limit: limits.randomElement(using: &generator) ?? single,
            queue: count(4) == 1
                ? .none
                : .init(
                    capacity: count(99), maxWait: Bool.random(using: &generator) ? nil : duration(),
                    order: Bool.random(using: &generator) ? .oldestFirst : .newestFirst),
            partitions: partitions, partitionsBorrow: Bool.random(using: &generator))
    }
}
