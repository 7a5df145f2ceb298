extension ConfigurationValue: CustomStringConvertible, CustomDebugStringConvertible {
    /// The value as JSON on one line, the keys in alphabetical order. A number that JSON cannot hold is `null`.
    public var description: String { json(indent: nil, depth: 0) }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The value as JSON on several lines, indented by two spaces a level, the keys in alphabetical order.
    public var prettyDescription: String { json(indent: "  ", depth: 0) }

    private func json(indent: String?, depth: Int) -> String {
        switch self {
        case .null: return "null"
        case .boolean(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .number(let value): return value.isFinite ? "\(value)" : "null"
        case .string(let text): return text.jsonQuoted
        case .array(let values):
            return Self.joined(values.map { $0.json(indent: indent, depth: depth + 1) }, "[", "]", indent, depth)
        case .object(let values):
            let members = values.sorted { $0.key < $1.key }.map { key, value in
                "\(key.jsonQuoted): \(value.json(indent: indent, depth: depth + 1))"
            }
            return Self.joined(members, "{", "}", indent, depth)
        }
    }

    private static func joined(
        _ parts: [String], _ start: String, _ end: String, _ indent: String?, _ depth: Int
    ) -> String {
        guard let indent, !parts.isEmpty else { return start + parts.joined(separator: ", ") + end }
        let outer = String(repeating: indent, count: depth)
        return "\(start)\n" + parts.map { outer + indent + $0 }.joined(separator: ",\n") + "\n\(outer)\(end)"
    }
}

extension String {
    /// As a JSON string (RFC 8259, section 7).
    fileprivate var jsonQuoted: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
