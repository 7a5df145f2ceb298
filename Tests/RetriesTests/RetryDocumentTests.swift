import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Retries

/// Retries and budgets described by a document.
@Suite("Retry: documents", .timeLimit(.minutes(30)))
struct RetryDocumentTests {
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
              "backoff": {"kind": "exponential", "from": "50ms", "factor": 1.5, "jitter": 0.2},
              "maxAttempts": 4, "maxDelay": "2s", "maxDuration": "1m30s", "lastDelay": "trim",
              "handles": "rejections", "serverHints": "exact", "hintJitter": 0.25,
              "onRejection": "waitUntilRetryAfter", "isIdempotent": false, "neverRan": "all",
              "budget": {"kind": "throttle", "maxTokens": 20, "tokenRatio": 0.5}, "exhaustion": "exhaustedError"
            }
            """
        let configuration = try JSONDecoder().decode(Configuration.self, from: Data(json.utf8))
        let expected = Configuration(
            backoff: .exponential(from: .milliseconds(50), factor: 1.5, jitter: .ratio(0.2)), maxAttempts: 4,
            maxDelay: .seconds(2), maxDuration: .seconds(90), lastDelay: .trim, handles: .rejections,
            serverHints: .exact, hintJitter: 0.25, onRejection: .waitUntilRetryAfter, idempotent: false,
            neverRan: .all,
            budget: try RetryBudget(.throttle(maxTokens: 20, tokenRatio: 0.5)), exhaustion: .exhaustedError)
        #expect(configuration.text == expected.text)
        #expect(configuration.document == expected.document)
        #expect(
            configuration.handles.handles(UnacceptedResultError())
                && configuration.neverRan.excludes(CancellationError()))
        #expect(!configuration.handles.handles(CancellationError()))
    }

    @Test(
        "the forms of each part",
        arguments: [
            ([:], .init()),
            (["maxAttempts": "unlimited"], .init(maxAttempts: Retry.unlimited)),
            (["backoff": "1s"], .init(backoff: .constant(.seconds(1)))),
            (["backoff": "0s"], .init(backoff: .immediate)),
            (["backoff": ["10ms", "1s"]], .init(backoff: .list([.milliseconds(10), .seconds(1)]))),
            (["backoff": ["kind": "fibonacci", "from": "1s"]], .init(backoff: .fibonacci(from: .seconds(1)))),
            (["backoff": ["kind": "fibonacci"]], .init(backoff: .fibonacci())),
            (["backoff": ["kind": "linear", "from": "1s"]], .init(backoff: .linear(from: .seconds(1)))),
            (
                ["backoff": ["kind": "linear", "from": "1s", "by": "2s"]],
                .init(backoff: .linear(from: .seconds(1), by: .seconds(2)))
            ),
            (["backoff": ["jitter": "none"]], .init(backoff: .exponential(jitter: .none))),
            (["backoff": ["jitter": "equal"]], .init(backoff: .exponential(jitter: .equal))),
            (["backoff": ["from": "1s"]], .init(backoff: .exponential(from: .seconds(1)))),
            (
                ["backoff": ["kind": "constant", "delay": "1s", "jitter": "decorrelated"]],
                .init(backoff: .constant(.seconds(1), jitter: .decorrelated))
            ),
            (["backoff": ["kind": "constant", "delay": "1s"]], .init(backoff: .constant(.seconds(1)))),
            (
                ["backoff": ["kind": "list", "delays": ["1s"], "jitter": "full"]],
                .init(backoff: .list([.seconds(1)], jitter: .full))
            ),
            (["maxDuration": nil, "budget": nil], .init()),
            (["handles": "none"], .init(handles: .none)),
            (["serverHints": "ignored"], .init(serverHints: .ignored)),
            (["hintJitter": 0], .init(hintJitter: 0)),
            (["onRejection": "waitUntilRetryAfter"], .init(onRejection: .waitUntilRetryAfter)),
        ] as [(ConfigurationValue, Configuration)])
    func forms(document: ConfigurationValue, expected: Configuration) throws {
        let configuration = try Configuration(document)
        #expect(configuration.text == expected.text)
        #expect(try Configuration(configuration.document).text == expected.text)
    }

    @Test("part of a backoff changes what is there; another kind starts from its own defaults")
    func partialBackoff() throws {
        func backoff(_ document: ConfigurationValue, onto base: Backoff) throws -> ConfigurationValue {
            try Configuration(["backoff": document], onto: .init(backoff: base)).backoff.document
        }
        let linear = Backoff.linear(from: .seconds(1), by: .seconds(2), jitter: .equal)
        #expect(
            try backoff(["from": "3s"], onto: linear) == [
                "kind": "linear", "from": "3s", "by": "2s", "jitter": "equal",
            ])
        #expect(
            try backoff(["kind": "linear", "by": "3s"], onto: linear)
                == ["kind": "linear", "from": "1s", "by": "3s", "jitter": "equal"])
        #expect(try backoff(["kind": "fibonacci"], onto: linear) == Backoff.fibonacci().document)
        #expect(
            try backoff(["delay": "3s"], onto: .constant(.zero, jitter: .full))
                == ["kind": "constant", "delay": "3s", "jitter": "full"])
        #expect(
            try backoff(["jitter": "full"], onto: .list([.seconds(1)]))
                == ["kind": "list", "delays": ["1s"], "jitter": "full"])
        #expect(try backoff(["jitter": "none"], onto: .list([.seconds(1)], jitter: .full)) == ["1s"])
    }

    @Test("functions declared in code stay")
    func functions() throws {
        let base = Configuration(
            backoff: .custom(jitter: .equal) { _ in .seconds(7) }, handles: .except(CancellationError.self),
            neverRan: .only(CancellationError.self))
        #expect(base.document["backoff"] == ["jitter": "equal"])
        #expect(base.document["handles"] == nil && base.document["neverRan"] == nil)
        let read = try Configuration(base.document, onto: base)
        guard case .custom = read.backoff.kind else {
            Issue.record("the function is gone")
            return
        }
        #expect(read.backoff.jitter == .equal && !read.handles.handles(CancellationError()))
        #expect(read.neverRan.excludes(CancellationError()))
        #expect(try Configuration(["backoff": ["jitter": "full"]], onto: base).backoff.jitter == .full)
        #expect(try Configuration(["handles": "all"], onto: base).handles.handles(CancellationError()))
        #expect(try Configuration(["backoff": "1s"], onto: base).backoff.document == "1s")
    }

    @Test("budgets: by name, in place, kept with their tokens")
    func budgets() throws {
        let shared = try RetryBudget(.quota(100, cost: 5))
        let environment = DocumentEnvironment(budgets: ["reads": shared])
        var configuration = try Configuration(["budget": "reads"], in: environment)
        #expect(configuration.budget as? RetryBudget === shared)
        #expect(configuration.document(in: environment)["budget"] == "reads")
        #expect(configuration.document["budget"] == ["kind": "quota", "tokens": 100, "cost": 5])
        // The same rule: the same budget. Another rule: another budget.
        try configuration.apply(["budget": ["tokens": 100]])
        #expect(configuration.budget as? RetryBudget === shared)
        try configuration.apply(["budget": ["kind": "quota", "tokens": 99]])
        let own = configuration.budget as? RetryBudget
        #expect(own !== shared && own?.configuration == .quota(99, cost: 5))
        try configuration.apply(["maxAttempts": 5])
        #expect(configuration.budget as? RetryBudget === own)
        try configuration.apply(["budget": ["kind": "ratio", "ratio": 0.3]])
        #expect((configuration.budget as? RetryBudget)?.configuration == .ratio(0.3))
        try configuration.apply(["budget": nil])
        #expect(configuration.budget == nil)
        // Without a budget to start from, a rule starts from the defaults of its kind; and nothing is one, too.
        #expect((try Configuration(["budget": [:]]).budget as? RetryBudget)?.configuration == .ratio(0.2))
        #expect(
            (try Configuration(["budget": ["kind": "throttle"]]).budget as? RetryBudget)?.configuration == .throttle())
        var decoder = JSONDecoder()
        let key = try #require(CodingUserInfoKey.documentEnvironment)
        decoder.userInfo[key] = environment
        let decoded = try decoder.decode(Configuration.self, from: Data(#"{"budget": "reads"}"#.utf8))
        #expect(decoded.budget as? RetryBudget === shared)
        let encoder = JSONEncoder()
        encoder.userInfo[key] = environment
        let encoded = try JSONDecoder().decode(ConfigurationValue.self, from: encoder.encode(decoded))
        #expect(encoded["budget"] == "reads")
        decoder = JSONDecoder()
        #expect(throws: ConfigurationError.self) {
            try decoder.decode(Configuration.self, from: Data(#"{"budget": "reads"}"#.utf8))
        }
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(["budget": "read"], in: environment)
        }
        #expect(error?.description == "budget: \"read\" is the name of no budget; did you mean reads?")
    }

    @Test("a budget made from a document measures the environment's time")
    func budgetClock() throws {
        let clock = ManualClock()
        let configuration = try Configuration(
            ["budget": ["ratio": 1, "minimumPerSecond": 0, "window": "10s"]], in: .init(clock: clock))
        let budget = try #require(configuration.budget as? RetryBudget)
        budget.deposit()
        #expect(budget.balance == 1)
        clock.advance(by: .seconds(30))
        #expect(budget.balance == 0)
    }

    @Test("every fault is reported at its place in the document")
    func faultsOfADocument() {
        #expect(
            faults([
                "backoff": ["kind": "exponentail", "from": "-1s", "factor": 0.5, "jitter": 2],
                "maxAttemps": 5, "maxAttempts": 0, "maxDelay": "-1s", "maxDuration": "0s", "lastDelay": "cut",
                "budget": ["ratio": 2, "window": "0s", "minimum": 3],
            ]) == [
                "backoff.kind: \"exponentail\" is none of constant, linear, exponential, fibonacci, list; did you mean exponential?",
                "lastDelay: \"cut\" is none of refuse, trim",
                "budget.minimum: 3 is for an unknown key",
                "budget.ratio: 2 is outside 0.0...1.0",
                "budget.window: \"0s\" is outside 1 ms...1 hour",
                "maxAttemps: 5 is for an unknown key; did you mean maxAttempts?",
                "backoff.from: \"-1s\" is outside 0 s...292 years",
                "backoff.factor: 0.5 is not a number of at least 1",
                "backoff.jitter: 2 is outside 0.0...1.0",
                "maxAttempts: 0 is below 1",
                "maxDelay: \"-1s\" is outside 0 s...292 years",
                "maxDuration: \"0s\" is outside 1 ns...292 years",
            ])
    }

    @Test(
        "a part in an unknown form is refused, and the fault says why",
        arguments: [
            (["maxAttempts": "many"], ["maxAttempts: \"many\" is not a whole number"]),
            (["backoff": "-1s"], ["backoff: \"-1s\" is outside 0 s...292 years"]),
            (["backoff": ["1s", "-1s"]], ["backoff[1]: \"-1s\" is outside 0 s...292 years"]),
            (["backoff": []], ["backoff: [] is empty"]),
            (["backoff": ["1s", 5]], ["backoff[1]: 5 is a number without a unit; write \"5s\" or \"5ms\""]),
            (["backoff": ["kind": "constant", "delay": "-1s"]], ["backoff.delay: \"-1s\" is outside 0 s...292 years"]),
            (["backoff": ["kind": "constant"]], ["backoff.delay: nothing is given, but the key is needed"]),
            (
                ["backoff": ["kind": "list"]],
                [
                    "backoff.delays: nothing is given, but the key is needed", "backoff.list: [] is empty",
                ]
            ),
            (
                ["backoff": ["kind": "list", "delays": ["-1s"]]],
                ["backoff.delays[0]: \"-1s\" is outside 0 s...292 years"]
            ),
            (["backoff": ["kind": "fibonacci", "factor": 2]], ["backoff.factor: 2 is for an unknown key"]),
            (
                ["backoff": ["jitter": "ful"]],
                [
                    "backoff.jitter: \"ful\" is neither a number nor one of none, full, equal, decorrelated; did you mean full?"
                ]
            ),
            (
                ["backoff": ["jitter": [:]]],
                ["backoff.jitter: {} is neither a number nor one of none, full, equal, decorrelated"]
            ),
            (["backoff": 5], ["backoff: 5 is not an object"]),
            (["budget": 5], ["budget: 5 is not the name of a budget"]),
            (["budget": "x"], ["budget: \"x\" is the name of no budget"]),
            (["handles": "timeouts"], ["handles: \"timeouts\" is none of all, none, rejections"]),
            (["isIdempotent": "no"], ["isIdempotent: \"no\" is neither true nor false"]),
        ] as [(ConfigurationValue, [String])])
    func badForms(document: ConfigurationValue, expected: [String]) {
        #expect(faults(document) == expected)
    }

    @Test("read from what was written: 1000 random configurations")
    func roundTrip() throws {
        try forSeeds(seeds(1_000)) { seed, _ in
            let configuration = try Configuration.random(seed: seed)
            #expect(throws: Never.self, "seed \(seed)") { try configuration.validate() }
            let data = try JSONEncoder().encode(configuration)
            let read = try JSONDecoder().decode(Configuration.self, from: data)
            #expect(read.text == configuration.text, "seed \(seed)")
            let onto = try Configuration(configuration.document, onto: .random(seed: seed + 1))
            #expect(onto.text == configuration.text, "seed \(seed)")
        }
    }

    @Test("mutations of good documents: never half applied, and what applies is a configuration that works")
    func mutations() throws {
        var generator = SplitMix64(seed: 42)
        var applied = 0
        try forSeeds(seeds(10_000)) { seed, _ in
            let base = Configuration(maxAttempts: 77)
            var configuration = base
            let document = try Configuration.random(seed: seed % 500).document.mutated(using: &generator)
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
        let rule = (budget as? RetryBudget)?.configuration
        return "\(backoff.kind) \(backoff.jitter) \(maxAttempts) \(maxDelay) \(maxDuration as Any) \(lastDelay) "
            + "\(handles.word?.rawValue ?? "?") \(serverHints) \(isIdempotent) \(neverRan.word?.rawValue ?? "?") \(rule as Any) \(exhaustion)"
    }

    fileprivate static func random(seed: UInt64) throws -> Configuration {
        var generator = SplitMix64(seed: seed)
        func duration() -> Duration { .nanoseconds(Int64.random(in: 1...99_999_999_999, using: &generator)) }
        func share() -> Double { Double.random(in: 0.001...1, using: &generator) }
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
        let jitter = pick([Jitter.none, .full, .equal, .decorrelated, .ratio(share())])
        let backoff = pick([
            Backoff.immediate, .constant(duration(), jitter: jitter), .list([duration(), duration()], jitter: jitter),
            .linear(from: duration(), by: duration(), jitter: jitter), .linear(from: duration()),
            .exponential(from: duration(), factor: 1 + share(), jitter: jitter),
            .fibonacci(from: duration(), jitter: jitter),
        ])
        let rule = pick([
            RetryBudget.Configuration.ratio(
                share(), minimumPerSecond: share() * 9, window: .seconds(1) + duration() / 100),
            .throttle(maxTokens: 7, tokenRatio: share()), .quota(90, cost: 3),
        ])
        return Configuration(
            backoff: backoff, maxAttempts: pick([1, 3, Retry.unlimited]), maxDelay: duration(),
            maxDuration: pick([nil, duration()]), lastDelay: pick([.refuse, .trim]),
            handles: pick([.all, .none, .rejections]), serverHints: pick([.shortened, .exact, .ignored]),
            idempotent: pick([true, false]), neverRan: pick([.all, .none]),
            budget: pick([nil, try RetryBudget(rule)]), exhaustion: pick([.originalError, .exhaustedError]))
    }
}
