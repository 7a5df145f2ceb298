import ResilienceCore
import Testing

@testable import HTTPSemantics

/// Header fields from a list, whatever the letter case of their names.
func headers(_ fields: (String, String)...) -> HTTPHeaderLookup {
    { name in fields.filter { $0.0.lowercased() == name.lowercased() }.map(\.1) }
}

/// Texts of bytes that are interesting to parsers of header fields, and of some that never stand in one.
struct RandomText {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    mutating func number(below bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }

    private static let pieces = [
        "\"default\"", ";", "r=", "q=", "t=", "w=", "qu=", "pk=", ":YWJj:", ",", " ", "\t", "0", "1", "9", "50",
        "999999999999999", "1000000000000000", "9223372036854775807", "99999999999999999999999", "-", "-1", ".", "1.5",
        "\"requests\"", "\"content-bytes\"", "\\", "\"", "?1", "?0", "*", "a", "A", "(", ")", "u=", "i", "S", "m",
        "u", "n", "H", "M", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "GMT", "\u{0}", "é", "🎄", "\r\n", "@", "%", "inf", "nan", "1e9", "+1",
    ]

    mutating func next() -> String {
        let count = number(below: 12)
        var text = ""
        for _ in 0..<count {
            if number(below: 8) == 0 {
                text.unicodeScalars.append(Unicode.Scalar(UInt8(number(below: 256))))
            } else {
                text += Self.pieces[number(below: Self.pieces.count)]
            }
        }
        return text
    }
}
