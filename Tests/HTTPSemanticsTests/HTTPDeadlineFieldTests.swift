import ResilienceCore
import Testing

@testable import HTTPSemantics

@Suite("Deadline fields")
struct HTTPDeadlineFieldTests {
    @Test("Numbers of any length are read, the largest for what does not fit")
    func numbers() {
        let rows: [(String, Int64)] = [
            ("0", 0), ("9", 9), ("9223372036854775806", .max - 1), ("9223372036854775807", .max),
            ("9223372036854775808", .max), ("92233720368547758070", .max), ("99999999999999999999", .max),
            (String(repeating: "9", count: 64), .max), (String(repeating: "0", count: 63) + "7", 7),
        ]
        for (text, number) in rows { #expect(HTTPDeadlineField.integer(text.utf8[...]) == number, "\(text)") }
        for text in ["", "/", ":", "1/", "1:", " 1", "+1", "-1", String(repeating: "0", count: 65)] {
            #expect(HTTPDeadlineField.integer(text.utf8[...]) == nil, "\(text)")
        }
    }

    @Test("Seconds are written with as many decimals as are needed, and read with up to nine")
    func decimals() throws {
        let field = try HTTPDeadlineField("x", .seconds)
        let rows: [(String, Int64)] = [
            ("0", 0), ("0.000000001", 1), ("0.00000001", 10), ("0.1", 100_000_000), ("0.123456789", 123_456_789),
            ("1", 1_000_000_000), ("1.5", 1_500_000_000), ("10", 10_000_000_000), ("100.01", 100_010_000_000),
            ("9223372036.854775807", .max),
        ]
        for (text, nanoseconds) in rows {
            #expect(field.text(for: .nanoseconds(nanoseconds)) == text)
            #expect(field.parse(text) == .nanoseconds(nanoseconds))
        }
        #expect(field.text(for: .seconds(-2)) == "0")
        #expect(field.text(for: .seconds(Int64.max)) == "9223372036.854775807")
    }

    @Test("What is wrong with a field is told by the name of its setting")
    func settings() {
        let deadline = #expect(throws: ConfigurationError.self) { try HTTPDeadlineField(" ", .seconds) }
        #expect(deadline?.faults.map(\.field) == ["deadline.header"])
        let priority = #expect(throws: ConfigurationError.self) { try HTTPPriorityField(" ", .number) }
        #expect(priority?.faults.map(\.field) == ["priority.header"])
    }
}
