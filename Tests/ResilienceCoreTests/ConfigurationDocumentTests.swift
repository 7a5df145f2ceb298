import Foundation
import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

/// How configurations are read from documents: faults, paths, what stays, what is inherited.
@Suite("Configuration: documents")
struct ConfigurationDocumentTests {
    private func faults(_ document: ConfigurationValue, at path: String = "") -> [String] {
        do {
            _ = try Sample(document, at: path)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("Values of each kind are read from a document")
    func valuesOfEachKind() throws {
        let sample = try Sample([
            "count": 4, "share": 1, "wait": "1m30s", "pause": nil, "isOn": true, "colour": "red", "list": ["1s", "2s"],
            "inner": ["depth": 2],
        ])
        #expect(
            sample
                == Sample(
                    count: 4, share: 1, wait: .seconds(90), pause: nil, isOn: true, colour: .red,
                    list: [.seconds(1), .seconds(2)], depth: 2))
    }

    @Test("what a document does not mention stays")
    func overlay() throws {
        let base = Sample(count: 9, wait: .seconds(9), pause: .seconds(9), colour: .red, depth: 9)
        #expect(try Sample([:], onto: base) == base)
        var expected = base
        expected.count = 2
        expected.pause = nil
        #expect(try Sample(["count": 2, "pause": nil], onto: base) == expected)
        #expect(try Sample(["inner": [:]], onto: base) == base)
        #expect(try Sample(base.document, onto: Sample()) == base)
    }

    @Test("4.0 is a whole number, for formats that know only one kind of number")
    func integralNumbers() throws {
        #expect(try Sample(["count": .number(4)]).count == 4)
        #expect(faults(["count": 4.5]) == ["count: 4.5 is not a whole number"])
        #expect(faults(["count": .number(1e30)]) == ["count: 1e+30 is too large"])
        #expect(faults(["count": .number(.infinity)]) == ["count: inf is not a whole number"])
        #expect(faults(["count": .number(.nan)]) == ["count: nan is not a whole number"])
    }

    @Test("every fault is reported, each with its path and what was there")
    func allAtOnce() {
        let document: ConfigurationValue = [
            "count": "four", "share": 1.5, "wait": 2, "pause": "soon", "isOn": "yes", "colour": "gren",
            "list": ["1s", 2, "x"], "inner": ["depth": -1, "dept": 3], "shares": 1, "Count": 1,
        ]
        #expect(
            faults(document, at: "policies.payments.sample") == [
                "policies.payments.sample.count: \"four\" is not a whole number",
                "policies.payments.sample.wait: 2 is a number without a unit; write \"2s\" or \"2ms\"",
                "policies.payments.sample.pause: \"soon\" is not a duration such as \"250ms\", \"2s\" or \"1m30s\"",
                "policies.payments.sample.isOn: \"yes\" is neither true nor false",
                "policies.payments.sample.colour: \"gren\" is none of red, green; did you mean green?",
                "policies.payments.sample.list[1]: 2 is a number without a unit; write \"2s\" or \"2ms\"",
                "policies.payments.sample.list[2]: \"x\" is not a duration such as \"250ms\", \"2s\" or \"1m30s\"",
                "policies.payments.sample.inner.dept: 3 is for an unknown key; did you mean depth?",
                "policies.payments.sample.Count: 1 is for an unknown key; did you mean count?",
                "policies.payments.sample.shares: 1 is for an unknown key; did you mean share?",
                "policies.payments.sample.share: 1.5 is outside 0.0...1.0",
                "policies.payments.sample.inner.depth: -1 is below 0",
            ])
    }

    @Test("a range is quoted as the document has it")
    func quotedValues() {
        #expect(faults(["wait": "-5s"]) == ["wait: \"-5s\" is outside 1 ns...292 years"])
        #expect(faults(["wait": "300000000h"]) == ["wait: \"300000000h\" is outside 1 ns...292 years"])
        #expect(
            faults(["wait": "99999999999999999999999s"]) == [
                "wait: \"99999999999999999999999s\" is longer than a duration can be"
            ])
    }

    @Test("values of the wrong kind", arguments: [nil, true, 1, 1.5, "text", []] as [ConfigurationValue])
    func wrongKinds(value: ConfigurationValue) {
        let found = faults(value, at: "sample")
        #expect(found.count == 1 && found[0].hasPrefix("sample: ") && found[0].hasSuffix(" is not an object"))
        // At the root of a document there is no path.
        #expect(faults(value)[0] == String(found[0].dropFirst("sample: ".count)))
    }

    @Test("long and unusual names are quoted, and kept short")
    func names() {
        let long = String(repeating: "x", count: 500)
        #expect(faults(["a.b": 1])[0].hasPrefix("\"a.b\": 1 is for an unknown key"))
        #expect(faults(["line\nbreak": 1])[0] == "\"line\\nbreak\": 1 is for an unknown key")
        #expect(faults(["": 1])[0] == "\"\": 1 is for an unknown key")
        #expect(faults([long: 1])[0] == String(repeating: "x", count: 60) + "…: 1 is for an unknown key")
        #expect(faults(["count": .string(long)])[0].count < 120)
        #expect(faults(["count": ["a": 1]])[0] == "count: {…} is not a whole number")
        #expect(faults(["count": [1]])[0] == "count: […] is not a whole number")
    }

    @Test(
        "near misses",
        arguments: [
            ("maxAttemps", "maxAttempts"), ("max_attempts", "maxAttempts"), ("MaxAttempts", "maxAttempts"),
            ("max-attempts", "maxAttempts"), ("amxAttempts", "maxAttempts"), ("attempts", nil), ("jiter", "jitter"),
            ("", nil), ("x", nil), ("maxDealy", "maxDelay"), ("maxDuratoin", "maxDuration"), ("backof", "backoff"),
        ])
    func nearMisses(name: String, meant: String?) {
        let known = ["maxAttempts", "maxDelay", "maxDuration", "jitter", "backoff", "a"]
        #expect(NearMiss.candidates(for: name, among: known) == (meant.map { [$0] } ?? []))
        #expect(NearMiss.question(for: name, among: known) == (meant.map { "; did you mean \($0)?" } ?? ""))
    }

    @Test("of several near misses the nearest first, then by name")
    func severalNearMisses() {
        let known = ["payment", "payments", "paiments", "orders"]
        #expect(NearMiss.candidates(for: "paymentz", among: known, limit: 9) == ["payment", "payments", "paiments"])
        #expect(NearMiss.candidates(for: "paymentz", among: known, limit: 2) == ["payment", "payments"])
        let long = String(repeating: "a", count: 100_000)
        #expect(NearMiss.candidates(for: long, among: [long]) == [])
    }

    @Test("a document with a fault changes nothing")
    func allOrNothing() {
        var sample = Sample(count: 7)
        let error = #expect(throws: ConfigurationError.self) { try sample.apply(["count": 8, "share": 2]) }
        #expect(error?.description == "share: 2 is outside 0.0...1.0" && sample == Sample(count: 7))
        #expect(throws: ConfigurationError.self) { try sample.apply(["count": 8, "unknown": 2]) }
        #expect(sample == Sample(count: 7))
        #expect(throws: Never.self) { try sample.apply(["count": 8]) }
        #expect(sample == Sample(count: 8))
    }

    @Test("decoded and encoded by any coder, with the path it stands at")
    func codable() throws {
        let sample = Sample(count: 3, pause: .seconds(90), colour: .red, list: [.milliseconds(5)])
        let data = try JSONEncoder().encode(["a": [sample]])
        #expect(try JSONDecoder().decode([String: [Sample]].self, from: data) == ["a": [sample]])
        let error = #expect(throws: ConfigurationError.self) {
            try JSONDecoder().decode(
                [String: [Sample]].self, from: Data(#"{"first": [{}, {"count": -1, "x": 1}]}"#.utf8))
        }
        #expect(
            error?.faults.map(\.description) == [
                "first[1].x: 1 is for an unknown key", "first[1].count: -1 is below 0",
            ])
    }

    @Test("documents nested deeper than any configuration are refused, also when made in code")
    func depth() {
        var document: ConfigurationValue = ["depth": 1]
        for _ in 0..<20_000 { document = ["again": document] }
        let found = faults(["inner": document])
        #expect(found.count == 1 && found[0].hasSuffix("is nested more than 64 deep"))
        // The document and 63 objects in each other are not too deep; one more is.
        for (levels, isTooDeep) in [(62, false), (63, true)] {
            let nested = (0..<levels).reduce(["depth": 1] as ConfigurationValue) { inner, _ in ["again": inner] }
            #expect(faults(["inner": nested]).isEmpty != isTooDeep)
        }
    }

    @Test("mutations of a good document: never half applied, and told as faults")
    func mutations() throws {
        let good: ConfigurationValue = [
            "count": 4, "share": 0.5, "wait": "1m30s", "pause": "2s", "isOn": true, "colour": "red",
            "list": ["1s", "2s"], "inner": ["depth": 2, "again": ["depth": 3]],
        ]
        var generator = SplitMix64(seed: 31)
        var (applied, refused) = (0, 0)
        for _ in 0..<inputs(10_000) {
            let document = good.mutated(using: &generator)
            let before = Sample(count: 11, pause: .seconds(11), colour: .green, depth: 11)
            var sample = before
            do {
                try sample.apply(document)
                try sample.validate()
                applied += 1
            } catch {
                refused += 1
                #expect(sample == before && !error.faults.isEmpty, "\(document)")
            }
        }
        #expect(min(applied, refused) > inputs(10_000) / 20, "\(applied) \(refused)")
    }
}
