import Resilience
import Testing

@testable import HTTPSemantics

@Suite("Priority fields")
struct HTTPPriorityFieldTests {
    @Test("Every urgency is a step of fifty, and every priority the nearest urgency at or above it")
    func urgencies() {
        let field = HTTPPriorityField.standard
        for (urgency, priority) in zip(0...7, stride(from: 150, through: -200, by: -50)) {
            #expect(field.parse("u=\(urgency)") == .init(priority))
            #expect(field.text(for: .init(priority)) == "u=\(urgency)")
        }
        let rows = [
            (1000, 0), (151, 0), (149, 1), (99, 2), (49, 3), (-49, 3), (-99, 4), (-199, 6), (-201, 7), (-1000, 7),
        ]
        for (priority, urgency) in rows { #expect(field.text(for: .init(priority)) == "u=\(urgency)", "\(priority)") }
    }

    @Test("An urgency is one key of a dictionary, and the last of its kind counts")
    func urgencyMembers() {
        let field = HTTPPriorityField.standard
        let urgent = [
            "u=1", "i,u=1", "u=1,i", " u=1 , i ", "\tu=1\t", "u=7,u=1", "u=1;a=2;b", "a=\"u\", u=1", "uu=3,u=1",
            "x=1,u=1,v=0", ",u=1,", "u=01",
        ]
        for text in urgent { #expect(field.parse(text) == .high, "\(text)") }
        for text in ["U=1", "v=1", "u", "u=", "u=;", "u=1 ;a", "u= 1", "u=8", "u=10", "u=1.0", "u=1,u=8", "=1"] {
            #expect(field.parse(text) == nil, "\(text)")
        }
    }

    @Test("A number stands for itself from -1000 to 1000; what is beyond is written as the nearest, and not read")
    func numbers() throws {
        let field = try HTTPPriorityField("x-priority", .number)
        for number in [-1000, -999, -1, 0, 1, 999, 1000] {
            #expect(field.parse("\(number)") == .init(number))
            #expect(field.text(for: .init(number)) == "\(number)")
        }
        for (number, written) in [(-1001, -1000), (Int.min, -1000), (1001, 1000), (Int.max, 1000)] {
            #expect(field.parse("\(number)") == nil)
            #expect(field.text(for: .init(number)) == "\(written)")
        }
        #expect(field.parse("-0") == .normal && field.parse("007") == .init(7))
    }
}
