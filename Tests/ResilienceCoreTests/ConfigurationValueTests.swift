import Foundation
import ResilienceCore
import Testing

/// The tree of a document, and how it is decoded and encoded.
@Suite("Configuration: values")
struct ConfigurationValueTests {
    private func decode(_ json: String) throws -> ConfigurationValue {
        try JSONDecoder().decode(ConfigurationValue.self, from: Data(json.utf8))
    }

    @Test(
        "each kind of value, none taken for another",
        arguments: [
            ("null", nil), ("true", true), ("false", false), ("0", 0), ("1", 1), ("-7", -7), ("1.5", 1.5), ("1.0", 1),
            ("1e3", 1000), ("\"2s\"", "2s"), ("\"1\"", "1"), ("\"true\"", "true"), ("\"null\"", "null"), ("\"\"", ""),
            ("[]", []), ("{}", [:]), ("9223372036854775807", .integer(.max)), ("1e300", .number(1e300)),
            ("9223372036854775808", .number(0x1p63)), ("[1,\"a\",null]", [1, "a", nil]),
            ("{\"a\":{\"b\":[true]}}", ["a": ["b": [true]]]),
        ] as [(String, ConfigurationValue)])
    func decoding(json: String, value: ConfigurationValue) throws {
        #expect(try decode(json) == value)
    }

    @Test("Text that is no JSON is refused")
    func whatIsNoDocument() {
        for json in ["", "{", "[1,", "nope", "{\"a\" 1}", "\"", "{1:2}"] {
            #expect(throws: (any Error).self) { try decode(json) }
        }
    }

    @Test("encoded and decoded again: random trees")
    func roundTrip() throws {
        var generator = SplitMix64(seed: 21)
        for _ in 0..<500 {
            let value = ConfigurationValue.random(depth: 5, using: &generator)
            let data = try JSONEncoder().encode(["value": value])
            #expect(try JSONDecoder().decode([String: ConfigurationValue].self, from: data) == ["value": value])
        }
    }

    @Test("a number that JSON does not have is an error of the encoder")
    func noNumber() {
        #expect(throws: EncodingError.self) { try JSONEncoder().encode(ConfigurationValue.number(.nan)) }
    }

    @Test("another format: a property list")
    func propertyList() throws {
        let value: ConfigurationValue = ["a": [1, 2.5, "2s", true], "b": ["c": false, "d": 0, "e": 1]]
        for format in [PropertyListSerialization.PropertyListFormat.xml, .binary] {
            let encoder = PropertyListEncoder()
            encoder.outputFormat = format
            #expect(try PropertyListDecoder().decode(ConfigurationValue.self, from: encoder.encode(value)) == value)
        }
    }

    @Test("deep nesting is refused before the stack is used up", arguments: [65, 100, 400, 512, 10_000, 100_000])
    func depth(levels: Int) {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let json = String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
            #expect(throws: (any Error).self) { try decode(json) }
        }
    }

    @Test("as deep as is allowed")
    func allowedDepth() throws {
        let levels = ConfigurationValue.maxDepth
        let value = try decode(String(repeating: "[", count: levels) + String(repeating: "]", count: levels))
        #expect(try JSONDecoder().decode(ConfigurationValue.self, from: JSONEncoder().encode(value)) == value)
    }

    @Test("wide documents take time in proportion: 5000 keys, each read once")
    func wide() throws {
        let pairs = (0..<5000).map { "\"k\($0)\":[\($0),{\"a\":\"b\"}]" }
        let value = try decode("{" + pairs.joined(separator: ",") + "}")
        guard case .object(let values) = value else {
            Issue.record("no object")
            return
        }
        #expect(values.count == 5000 && value["k4999"] == [4999, ["a": "b"]])
    }

    @Test("A key has its last value; a key that is not there, and a value that is no object, have none")
    func subscripts() {
        let value: ConfigurationValue = ["a": ["b": 1, "b": 2]]
        #expect(value["a"]?["b"] == 2 && value["c"] == nil && ConfigurationValue.null["a"] == nil)
    }
}

extension ConfigurationValue {
    /// A tree whose values JSON gives back as they were.
    static func random(depth: Int, using generator: inout SplitMix64) -> ConfigurationValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &generator) {
        case 0: return .null
        case 1: return .boolean(Bool.random(using: &generator))
        case 2: return .integer(Int(truncatingIfNeeded: generator.next()) >> Int.random(in: 0..<64, using: &generator))
        case 3: return .number(Double(Int.random(in: -1000...1000, using: &generator)) + 0.5)
        case 4: return .string(["", "2s", "é\"\n", "true", "1"].randomElement(using: &generator) ?? "")
        case 5, 6:
            let count = Int.random(in: 0...3, using: &generator)
            return .array((0..<count).map { _ in random(depth: depth - 1, using: &generator) })
        default:
            let keys = ["a", "b", "c d", "", "x.y"].prefix(Int.random(in: 0...5, using: &generator))
            return .object(
                Dictionary(uniqueKeysWithValues: keys.map { ($0, random(depth: depth - 1, using: &generator)) }))
        }
    }
}
