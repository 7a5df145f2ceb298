import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

/// Fallbacks described by a document, as far as they are not code.
@Suite("Fallback: documents", .timeLimit(.minutes(30)))
struct FallbackDocumentTests {
    typealias Configuration = Fallback<Int>.Configuration

    static let declared = Configuration {
        .step("replica", limit: 8, timeout: .seconds(1)) { _ in 1 }
            .lastGood(maxAge: .seconds(300), maxKeys: 50)
            .value(0, name: "nothing")
    }

    private func faults(_ document: ConfigurationValue, onto base: Configuration = declared) -> [String] {
        do {
            _ = try Configuration(document, onto: base)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("it says the numbers of the steps by name, and what the caller gets in the end")
    func document() throws {
        #expect(
            Self.declared.document == [
                "steps": [
                    "replica": ["limit": 8, "timeout": "1s"], "last good": ["maxAge": "5m", "maxKeys": 50],
                ],
                "exhaustion": "originalError",
            ])
        let unlimited = Configuration { .step("a") { _ in 1 } }
        #expect(unlimited.document["steps"] == ["a": ["limit": nil, "timeout": nil]])
        #expect(try Configuration(Self.declared.document, onto: Self.declared).text == Self.declared.text)
    }

    @Test("it changes the numbers it mentions, and nothing else")
    func changes() async throws {
        let read = try Configuration(
            [
                "steps": [
                    "replica": ["limit": 2], "last good": ["maxAge": "1m", "maxKeys": 9], "nothing": [:],
                ], "exhaustion": "exhaustedError",
            ], onto: Self.declared)
        let expected = Configuration(exhaustion: .exhaustedError) {
            .step("replica", limit: 2, timeout: .seconds(1)) { _ in 1 }
                .lastGood(maxAge: .seconds(60), maxKeys: 9)
                .value(0, name: "nothing")
        }
        #expect(read.text == expected.text)
        let free = try Configuration(["steps": ["replica": ["limit": nil, "timeout": nil]]], onto: read)
        #expect(free.steps.elements[0].limit == nil && free.steps.elements[0].timeout == nil)
        #expect(free.exhaustion == .exhaustedError)
        // Conditions and actions are those of the code.
        let code = Configuration(handles: .only(Down.self)) {
            .step("a", handles: .none) { _ in 1 }.step("b") { _ in 2 }
        }
        let fallback = try Fallback("f", try Configuration(["steps": ["a": ["limit": 1]]], onto: code))
        #expect(try await fallback.execute { throw Down() } == 2)
        #expect(fallback.totals.steps["a"]?.skipped == 1)
        await #expect(throws: Refused.self) { try await fallback.execute { throw Refused() } }
    }

    @Test(
        "every fault is reported at its place in the document",
        arguments: [
            (
                ["steps": ["replca": ["limit": 1]]],
                ["steps.replca: {…} is for an unknown key; did you mean replica?"]
            ),
            (["steps": ["value": ["limit": 1]]], ["steps.value: {…} is for an unknown key"]),
            (["step": [:]], ["step: {} is for an unknown key; did you mean steps?"]),
            (["steps": []], ["steps: [] is not an object"]),
            (["exhaustion": "all"], ["exhaustion: \"all\" is none of originalError, exhaustedError"]),
            (
                ["steps": ["replica": ["limit": 0, "timeout": "0s", "maxAge": "1s"], "nothing": ["limit": 1]]],
                [
                    "steps.replica.maxAge: \"1s\" is for an unknown key",
                    "steps.nothing.limit: 1 is for an unknown key",
                    "steps.replica.limit: 0 is below 1",
                    "steps.replica.timeout: \"0s\" is outside 1 ns...292 years",
                ]
            ),
            (
                ["steps": ["replica": ["limit": "one"], "last good": ["maxAge": 5, "maxKeys": 0, "limit": 1]]],
                [
                    "steps.replica.limit: \"one\" is not a whole number",
                    "steps.\"last good\".maxAge: 5 is a number without a unit; write \"5s\" or \"5ms\"",
                    "steps.\"last good\".limit: 1 is for an unknown key",
                    "steps.\"last good\".maxKeys: 0 is below 1",
                ]
            ),
        ] as [(ConfigurationValue, [String])])
    func badForms(document: ConfigurationValue, expected: [String]) {
        #expect(faults(document) == expected)
    }

    @Test("nothing can be decoded from a document alone")
    func alone() {
        #expect(throws: ConfigurationError.self) {
            try JSONDecoder().decode(Configuration.self, from: Data("{}".utf8))
        }
        #expect(faults([:], onto: .documentBase) == ["steps: 0 is below 1"])
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 53)
        var applied = 0
        for _ in 0..<inputs(10_000) {
            var configuration = Self.declared
            let document = Self.declared.document.mutated(using: &generator)
            do throws(ConfigurationError) {
                try configuration.apply(document)
                applied += 1
                #expect(throws: Never.self) { try configuration.validate() }
            } catch {
                #expect(configuration.text == Self.declared.text && !error.faults.isEmpty, "\(document)")
            }
        }
        #expect((0.05...0.95).contains(Double(applied) / Double(inputs(10_000))), "\(applied)")
    }
}

/// Stale-while-revalidate described by a document.
@Suite("Stale while revalidate: documents", .timeLimit(.minutes(30)))
struct RevalidationDocumentTests {
    typealias Configuration = StaleWhileRevalidateConfiguration

    private func faults(_ document: ConfigurationValue) -> [String] {
        do {
            _ = try Configuration(document)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("everything can be said, and two lengths have to be")
    func forms() throws {
        let json = #"""
            {
                "freshFor": "5s", "staleFor": "5m", "maxKeys": 10, "maxRefreshes": 2, "refreshBackoff": "2s",
                "maxRefreshBackoff": "1m"
            }
            """#
        let expected = Configuration(
            freshFor: .seconds(5), staleFor: .seconds(300), maxKeys: 10, maxRefreshes: 2, refreshBackoff: .seconds(2),
            maxRefreshBackoff: .seconds(60))
        let read = try JSONDecoder().decode(Configuration.self, from: Data(json.utf8))
        #expect(read == expected)
        #expect(try JSONDecoder().decode(Configuration.self, from: JSONEncoder().encode(read)) == expected)
        #expect(
            try Configuration(["freshFor": "0s", "staleFor": "1s"]) == .init(freshFor: .zero, staleFor: .seconds(1)))
        #expect(
            try Configuration(["maxRefreshes": 3], onto: expected)
                == .init(
                    freshFor: .seconds(5), staleFor: .seconds(300), maxKeys: 10, maxRefreshes: 3,
                    refreshBackoff: .seconds(2), maxRefreshBackoff: .seconds(60)))
        #expect(
            try Configuration(["staleFor": "1s"], onto: expected)
                == .init(
                    freshFor: .seconds(5), staleFor: .seconds(1), maxKeys: 10, maxRefreshes: 2,
                    refreshBackoff: .seconds(2), maxRefreshBackoff: .seconds(60)))
        #expect(
            try Configuration(["freshFor": "0s", "staleFor": "1s", "refreshBackoff": "0s"]).refreshBackoff == .zero)
    }

    @Test(
        "every fault is reported at its place in the document",
        arguments: [
            (
                [:],
                [
                    "freshFor: nothing is given, but the key is needed",
                    "staleFor: nothing is given, but the key is needed",
                ]
            ),
            (["freshFor": "1s"], ["staleFor: nothing is given, but the key is needed"]),
            (
                ["freshFor": "1s", "staleFor": "1s", "refreshBackoff": "-1s", "maxRefreshBackoff": "-2s"],
                [
                    "refreshBackoff: \"-1s\" is outside 0 s...292 years",
                    "maxRefreshBackoff: \"-2s\" is outside 0 s...292 years",
                ]
            ),
            (
                ["freshFor": "1s", "staleFor": "1s", "refreshBackoff": "31s", "maxRefreshBackoff": "30s"],
                ["maxRefreshBackoff: \"30s\" is below refreshBackoff, 31.0 seconds"]
            ),
            (
                ["freshFor": "-1s", "staleFor": "0s", "maxKeys": 0, "maxRefreshes": 0, "maxRefresh": 1],
                [
                    "maxRefresh: 1 is for an unknown key; did you mean maxRefreshes?",
                    "freshFor: \"-1s\" is outside 0 s...292 years",
                    "staleFor: \"0s\" is outside 1 ns...292 years",
                    "maxKeys: 0 is below 1", "maxRefreshes: 0 is below 1",
                ]
            ),
        ] as [(ConfigurationValue, [String])])
    func badForms(document: ConfigurationValue, expected: [String]) {
        #expect(faults(document) == expected)
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 59)
        let base = Configuration(freshFor: .seconds(1), staleFor: .seconds(9))
        var applied = 0
        for _ in 0..<inputs(10_000) {
            var configuration = base
            let document = base.document.mutated(using: &generator)
            do throws(ConfigurationError) {
                try configuration.apply(document)
                applied += 1
                #expect(throws: Never.self) { try configuration.validate() }
            } catch {
                #expect(configuration == base && !error.faults.isEmpty, "\(document)")
            }
        }
        #expect((0.05...0.95).contains(Double(applied) / Double(inputs(10_000))), "\(applied)")
    }
}

extension Fallback<Int>.Configuration {
    /// Everything but functions.
    fileprivate var text: String {
        steps.elements.map { step in
            switch step.source {
            case .value(let value): "\(step.name) \(value)"
            case .lastGood(let maxAge, let maxKeys): "\(step.name) \(maxAge) \(maxKeys)"
            case .action: "\(step.name) \(step.limit as Any) \(step.timeout as Any)"
            }
        }
        .joined(separator: ", ") + " \(exhaustion)"
    }
}
