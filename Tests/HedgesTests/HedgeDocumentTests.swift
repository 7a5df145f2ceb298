import Foundation
import ResilienceCore
import ResilienceTesting
import Retries
import TestSupport
import Testing

@testable import Hedges

/// Hedges described by a document.
@Suite("Hedge: documents", .timeLimit(.minutes(30)))
struct HedgeDocumentTests {
    typealias Configuration = Hedge.Configuration

    private func faults(_ document: ConfigurationValue) -> [String] {
        do {
            _ = try Configuration(document)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test(
        "the forms of each part",
        arguments: [
            ([:], .init()),
            (["delay": "50ms"], .init(delay: .fixed(.milliseconds(50)))),
            (["delay": "0s"], .init(delay: .immediate)),
            (["delay": "onlyAfterFailure"], .init(delay: .onlyAfterFailure)),
            (
                ["delay": ["10ms", "50ms"], "maxHedges": 2],
                .init(
                    delay: .list([.milliseconds(10), .milliseconds(50)]), maxHedges: 2)
            ),
            (["delay": ["percentile": 0.99]], .init(delay: .percentile(0.99))),
            (
                [
                    "delay": [
                        "percentile": 0.9, "window": 500, "warmUp": 50, "minimum": "2ms", "fallback": "100ms",
                    ]
                ],
                .init(
                    delay: .percentile(
                        0.9, window: 500, warmUp: 50, minimum: .milliseconds(2), fallback: .milliseconds(100)))
            ),
            (["budget": nil], .init()),
            (["maxHint": "5s", "hintJitter": 0.25], .init(maxHint: .seconds(5), hintJitter: 0.25)),
        ] as [(ConfigurationValue, Configuration)])
    func forms(document: ConfigurationValue, expected: Configuration) throws {
        let configuration = try Configuration(document)
        #expect(configuration.text == expected.text)
        #expect(try Configuration(configuration.document).text == expected.text)
        let data = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(Configuration.self, from: data).text == expected.text)
    }

    @Test("part of a percentile changes what is there")
    func partial() throws {
        let base = Configuration(delay: .percentile(0.9, window: 500, fallback: .seconds(1)))
        let read = try Configuration(["delay": ["warmUp": 60, "fallback": nil]], onto: base)
        #expect(read.text == Configuration(delay: .percentile(0.9, window: 500, warmUp: 60)).text)
        let fixed = Configuration(delay: .fixed(.seconds(1)))
        #expect(try Configuration(["delay": [:]], onto: fixed).text == Configuration().text)
    }

    @Test("functions and budgets declared in code stay")
    func functions() throws {
        let budget = try RetryBudget()
        let base = Configuration(
            delay: .custom { _ in nil }, handles: .except(CancellationError.self), budget: budget)
        #expect(base.document == ["maxHedges": 1, "hintJitter": 0.5, "maxHint": "30s"])
        let read = try Configuration(["maxHedges": 3], onto: base)
        #expect(
            !read.handles.handles(CancellationError()) && read.budget as? RetryBudget === budget && read.maxHedges == 3)
        guard case .custom = read.delay.kind else {
            Issue.record("the function is gone")
            return
        }
        let environment = DocumentEnvironment(budgets: ["b": budget, "a": budget, "c": try RetryBudget()])
        #expect(base.document(in: environment)["budget"] == "a")
        #expect(try Configuration(["budget": "b"], in: environment).budget as? RetryBudget === budget)
        #expect(try Configuration(["budget": nil], onto: base).budget == nil)
        #expect(Configuration().document["budget"] == .null)
    }

    @Test(
        "every fault is reported at its place in the document",
        arguments: [
            (["maxHedges": 11], ["maxHedges: 11 is outside 1...10"]),
            (["delay": "-1s"], ["delay: \"-1s\" is outside 0 s...292 years"]),
            (["delay": ["1s", "-1s"]], ["delay[1]: \"-1s\" is outside 0 s...292 years"]),
            (["delay": []], ["delay: [] is empty"]),
            (["delay": 5], ["delay: 5 is a number without a unit; write \"5s\" or \"5ms\""]),
            (["delay": "never"], ["delay: \"never\" is not a duration such as \"250ms\", \"2s\" or \"1m30s\""]),
            (
                [
                    "delay": [
                        "percentile": 1, "window": 9, "warmUp": 10, "minimum": "-1s", "fallback": "-1s", "warmup": 3,
                    ]
                ],
                [
                    "delay.warmup: 3 is for an unknown key; did you mean warmUp?",
                    "delay.percentile: 1 is outside 0...1, without 0 and 1",
                    "delay.window: 9 is outside 10...10000", "delay.warmUp: 10 is outside 1...9",
                    "delay.minimum: \"-1s\" is outside 0 s...292 years",
                    "delay.fallback: \"-1s\" is outside 0 s...292 years",
                ]
            ),
            (
                ["budget": "x", "handles": true],
                [
                    "budget: \"x\" is the name of no budget", "handles: true is for an unknown key",
                ]
            ),
            (["budget": ["ratio": 0.1]], ["budget: {…} is not the name of a budget"]),
        ] as [(ConfigurationValue, [String])])
    func faults(document: ConfigurationValue, expected: [String]) {
        #expect(faults(document) == expected)
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 43)
        let delays: [Hedge.Delay] = [
            .percentile(fallback: .seconds(1)), .list([.seconds(1), .seconds(2)]), .fixed(.seconds(1)),
            .onlyAfterFailure,
        ]
        var applied = 0
        for index in 0..<inputs(10_000) {
            let base = Configuration(maxHedges: 9)
            var configuration = base
            let document = Configuration(delay: delays[index % 4]).document.mutated(using: &generator)
            do throws(ConfigurationError) {
                try configuration.apply(document)
                applied += 1
                #expect(throws: Never.self) { try configuration.validate() }
            } catch {
                #expect(configuration.text == base.text && !error.faults.isEmpty, "\(document)")
            }
        }
        #expect((0.05...0.95).contains(Double(applied) / Double(inputs(10_000))), "\(applied)")
    }
}

extension Hedge.Configuration {
    /// Everything but functions.
    fileprivate var text: String { "\(delay.kind) \(maxHedges) \(budget as Any)" }
}
