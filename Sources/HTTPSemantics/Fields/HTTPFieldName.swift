public import ResilienceCore

/// The name of a header field that the user has chosen.
public struct HTTPFieldName: Sendable, Hashable, CustomStringConvertible {
    /// As it was given.
    public let name: String

    /// Checks a name.
    ///
    /// - Throws: `ConfigurationError` if it is no token (RFC 9110, section 5.6.2), or longer than 256 bytes.
    public init(_ name: String, field: String = "header") throws(ConfigurationError) {
        guard Self.isToken(name.utf8), name.utf8.count <= 256 else {
            throw ConfigurationError(
                .init(field: field, value: "\"\(name.prefix(64))\"", violation: "is not a header field's name"))
        }
        self.name = name
    }

    /// The name.
    public var description: String { name }

    static func isToken(_ text: some Collection<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy(\.isTokenByte)
    }
}

extension UInt8 {
    /// A `tchar` of RFC 9110.
    var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    var isDecimalDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}

extension String.UTF8View {
    /// Without spaces and tabs at both ends.
    var trimmed: Substring.UTF8View {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var text = self[...]
        while let first = text.first, isBlank(first) { text.removeFirst() }
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
