import Foundation
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Resilience

@Suite("The schema of documents", .timeLimit(.minutes(30)))
struct SchemaTests {
    private let schema = ResilienceModule.documentSchema

    private func repository() -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    /// Writes the file if it is told to (`RESILIENCE_WRITE_SCHEMA=1`).
    @Test("the file in the guides is up to date")
    func file() throws {
        let file = repository().appending(path: "Guides/schema/resilience.schema.json")
        let text = schema.prettyDescription + "\n"
        if ProcessInfo.processInfo.environment["RESILIENCE_WRITE_SCHEMA"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
        let decoded = try JSON.decode(ConfigurationValue.self, Data(text.utf8))
        #expect(try decoded == JSON.decode(ConfigurationValue.self, JSON.encode(schema)))
    }

    @Test("every document of the guides is admitted")
    func guides() throws {
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: repository().appending(path: "Guides").path)
        where name.hasSuffix(".md") {
            let text = try String(contentsOf: repository().appending(path: "Guides/\(name)"), encoding: .utf8)
            for block in text.components(separatedBy: "```json\n").dropFirst() {
                let json = block.components(separatedBy: "```")[0]
                guard let document = try? JSON.decode(ConfigurationValue.self, Data(json.utf8)) else { continue }
                count += 1
                // Some show one pattern alone.
                let isPart = schema["properties"]?[document.leaves.first?.path.first ?? ""] == nil
                let whole: ConfigurationValue = isPart ? ["templates": ["part": document]] : document
                #expect(SchemaCheck(schema).faults(whole) == [], "\(name): \(document)")
            }
        }
        #expect(count >= 3)
    }

    @Test(
        "of random documents all that a module takes are admitted, and most that it refuses for their form are not"
    )
    func random() throws {
        let stage = try MutationTests.makeStage()
        let check = SchemaCheck(schema)
        #expect(check.faults(MutationTests.good) == [])
        #expect(check.faults(stage.module.effectiveConfiguration.document) == [])
        var (taken, refused, caught) = (0, 0, 0)
        forSeeds(seeds(9_000, from: 7_000_000)) { seed, random in
            let document = MutationTests.good.mutated(using: &random)
            let faults = check.faults(document)
            if (try? stage.module.validate(.init(document))) != nil {
                taken += 1
                #expect(faults == [], "seed \(seed)")
            } else {
                refused += 1
                if !faults.isEmpty { caught += 1 }
            }
        }
        #expect(taken * 9 >= inputs(9_000), "\(taken)")
        #expect(caught * 10 > refused * 8, "\(caught) of \(refused)")
    }

    @Test("fields have their forms, words, ranges and defaults")
    func details() {
        let retry = schema["$defs"]?["retry"]?["properties"]
        #expect(retry?["lastDelay"] == ["enum": ["refuse", "trim"], "default": "refuse"])
        #expect(
            retry?["maxAttempts"] == [
                "anyOf": [["enum": ["unlimited"]], ["type": "integer", "minimum": 1]], "default": 3,
            ])
        #expect(retry?["isIdempotent"] == ["type": "boolean", "default": true])
        let limit = schema["$defs"]?["bulkhead"]?["properties"]?["limit"]
        #expect(limit?.description.contains("vegas") == true)
    }

    @Test("a value prints as JSON")
    func json() throws {
        let value: ConfigurationValue = [
            "b": [1, 2.5, nil, true], "a": "x\"\\\n\u{1}é", "c": [:], "d": [], "e": .number(.infinity),
        ]
        let text = #"{"a": "x\"\\\n\u0001é", "b": [1, 2.5, null, true], "c": {}, "d": [], "e": null}"#
        #expect("\(value)" == text && String(reflecting: value) == text)
        let plain: ConfigurationValue = ["b": [1, 2.5, nil, true], "a": "x\"\\\n\u{1}é"]
        for text in [plain.description, plain.prettyDescription] {
            #expect(try JSON.decode(ConfigurationValue.self, Data(text.utf8)) == plain)
        }
    }
}

/// As much of JSON Schema as the module's uses.
struct SchemaCheck {
    private let root: ConfigurationValue
    private let duration = try? Regex(
        "([0-9]+(\\.[0-9]+)?d)?([0-9]+(\\.[0-9]+)?h)?([0-9]+(\\.[0-9]+)?m)?([0-9]+(\\.[0-9]+)?s)?"
            + "([0-9]+(\\.[0-9]+)?ms)?([0-9]+(\\.[0-9]+)?(us|µs|μs))?([0-9]+(\\.[0-9]+)?ns)?")

    init(_ schema: ConfigurationValue) { root = schema }

    func faults(_ value: ConfigurationValue) -> [String] { faults(value, root, "") }

    private func faults(_ value: ConfigurationValue, _ schema: ConfigurationValue, _ path: String) -> [String] {
        guard case .object(let keywords) = schema else { return [] }
        if case .string(let reference)? = keywords["$ref"] {
            let key = String(reference.dropFirst("#/$defs/".count))
            guard let target = root["$defs"]?[key] else { return ["\(path): no \(reference)"] }
            return faults(value, target, path)
        }
        if case .array(let choices)? = keywords["anyOf"] {
            if !choices.contains(where: { faults(value, $0, path).isEmpty }) { return ["\(path): none of anyOf"] }
        }
        if case .array(let words)? = keywords["enum"], !words.contains(value) { return ["\(path): not in enum"] }
        if case .string(let type)? = keywords["type"], !isType(value, type) { return ["\(path): no \(type)"] }
        var found: [String] = []
        if keywords["pattern"] != nil, case .string(let text) = value, let duration {
            if text.isEmpty || (try? duration.wholeMatch(in: text)) == nil { found.append("\(path): pattern") }
        }
        if let number = numeric(value) {
            if let limit = keywords["minimum"].flatMap(numeric), number < limit { found.append("\(path): minimum") }
            if let limit = keywords["exclusiveMinimum"].flatMap(numeric), number <= limit {
                found.append("\(path): exclusiveMinimum")
            }
            if let limit = keywords["maximum"].flatMap(numeric), number > limit { found.append("\(path): maximum") }
            if let limit = keywords["exclusiveMaximum"].flatMap(numeric), number >= limit {
                found.append("\(path): exclusiveMaximum")
            }
        }
        if case .array(let elements) = value {
            if let least = keywords["minItems"].flatMap(numeric), Double(elements.count) < least {
                found.append("\(path): minItems")
            }
            for (index, element) in elements.enumerated() {
                found += keywords["items"].map { faults(element, $0, "\(path)[\(index)]") } ?? []
            }
        }
        if case .object(let members) = value {
            if let least = keywords["minProperties"].flatMap(numeric), Double(members.count) < least {
                found.append("\(path): minProperties")
            }
            if let most = keywords["maxProperties"].flatMap(numeric), Double(members.count) > most {
                found.append("\(path): maxProperties")
            }
            if case .array(let required)? = keywords["required"] {
                for case .string(let key) in required where members[key] == nil {
                    found.append("\(path).\(key): required")
                }
            }
            for (key, member) in members {
                if let property = keywords["properties"]?[key] {
                    found += faults(member, property, "\(path).\(key)")
                } else if let others = keywords["additionalProperties"] {
                    if others == false { found.append("\(path).\(key): unknown") }
                    found += faults(member, others, "\(path).\(key)")
                }
            }
        }
        return found
    }

    private func numeric(_ value: ConfigurationValue) -> Double? {
        switch value {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    private func isType(_ value: ConfigurationValue, _ type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .boolean), ("string", .string), ("array", .array), ("object", .object),
            ("number", .integer), ("number", .number), ("integer", .integer):
            true
        case ("integer", .number(let number)): number.rounded() == number
        default: false
        }
    }
}
