/// A list of a structured field (RFC 9651) whose members are single items with parameters: what the fields about rate
/// limits are made of.
///
/// Bounded: a field of more than 8192 bytes, 64 members or 32 parameters of a member is not read. Inner lists, dates
/// and display strings are not read either.
struct StructuredList {
    enum Item: Equatable {
        case integer(Int64)
        case decimal(Double)
        case string(String)
        case token(String)
        case bytes(String)
        case boolean(Bool)
    }

    struct Member {
        let item: Item
        /// The last of those with one key.
        var parameters: [String: Item] = [:]
    }

    private(set) var members: [Member] = []

    static let maxBytes = 8192
    static let maxMembers = 64
    static let maxParameters = 32

    /// - Parameter lines: The lines of the field, which make one list.
    init?(_ lines: [String]) {
        guard lines.reduce(0, { $0 + min($1.utf8.count, Self.maxBytes + 1) }) <= Self.maxBytes else { return nil }
        var text = Substring(lines.joined(separator: ",")).utf8
        text.skip { $0 == UInt8(ascii: " ") }
        while !text.isEmpty {
            guard members.count < Self.maxMembers, let member = Self.member(&text) else { return nil }
            members.append(member)
            text.skip(\.isOptionalBlank)
            if text.isEmpty { break }
            guard text.take(",") else { return nil }
            text.skip(\.isOptionalBlank)
            // A comma at the end is none of a list's.
            if text.isEmpty { return nil }
        }
    }

    private static func member(_ text: inout Substring.UTF8View) -> Member? {
        guard let item = item(&text) else { return nil }
        var member = Member(item: item)
        var count = 0
        while text.take(";") {
            count += 1
            text.skip { $0 == UInt8(ascii: " ") }
            guard count <= maxParameters, let key = key(&text) else { return nil }
            if text.take("=") {
                guard let value = Self.item(&text) else { return nil }
                member.parameters[key] = value
            } else {
                member.parameters[key] = .boolean(true)
            }
        }
        return member
    }

    private static func key(_ text: inout Substring.UTF8View) -> String? {
        guard let first = text.first, first.isLowercase || first == UInt8(ascii: "*") else { return nil }
        return text.takeText {
            $0.isLowercase || $0.isDecimalDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "*")
        }
    }

    private static func item(_ text: inout Substring.UTF8View) -> Item? {
        guard let first = text.first else { return nil }
        switch first {
        case UInt8(ascii: "\""): return string(&text).map(Item.string)
        case UInt8(ascii: ":"): return bytes(&text).map(Item.bytes)
        case UInt8(ascii: "?"):
            text.removeFirst()
            if text.take("1") { return .boolean(true) }
            return text.take("0") ? .boolean(false) : nil
        case UInt8(ascii: "-"): return number(&text)
        default:
            if first.isDecimalDigit { return number(&text) }
            guard first.isLetter || first == UInt8(ascii: "*") else { return nil }
            let token = text.takeText { $0.isTokenByte || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") }
            return .token(token)
        }
    }

    private static func number(_ text: inout Substring.UTF8View) -> Item? {
        let isNegative = text.take("-")
        let whole = text.takeText(\.isDecimalDigit)
        guard !whole.isEmpty else { return nil }
        guard text.take(".") else {
            guard whole.utf8.count <= 15, let number = Int64(whole) else { return nil }
            return .integer(isNegative ? -number : number)
        }
        let fraction = text.takeText(\.isDecimalDigit)
        guard whole.utf8.count <= 12, (1...3).contains(fraction.utf8.count), let number = Double("\(whole).\(fraction)")
        else { return nil }
        return .decimal(isNegative ? -number : number)
    }

    private static func string(_ text: inout Substring.UTF8View) -> String? {
        text.removeFirst()
        var bytes: [UInt8] = []
        while let byte = text.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = text.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { return nil }
                bytes.append(escaped)
            case 0x20...0x7E: bytes.append(byte)
            default: return nil
            }
        }
        return nil
    }

    /// In base64, as it stands there.
    private static func bytes(_ text: inout Substring.UTF8View) -> String? {
        text.removeFirst()
        let encoded = text.takeText {
            $0.isLetter || $0.isDecimalDigit || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/")
                || $0 == UInt8(ascii: "=")
        }
        return text.take(":") ? encoded : nil
    }

    // MARK: Writing

    /// A string in quotes; what cannot stand in one is left out.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for byte in text.utf8 where (0x20...0x7E).contains(byte) {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result.append("\\") }
            result.unicodeScalars.append(Unicode.Scalar(byte))
        }
        return result + "\""
    }
}

extension UInt8 {
    fileprivate var isLowercase: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
    fileprivate var isLetter: Bool { isLowercase || self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
    fileprivate var isOptionalBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
}

extension Substring.UTF8View {
    fileprivate mutating func skip(_ holds: (UInt8) -> Bool) {
        while let first, holds(first) { removeFirst() }
    }

    fileprivate mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard first == UInt8(ascii: byte) else { return false }
        removeFirst()
        return true
    }

    fileprivate mutating func takeText(_ holds: (UInt8) -> Bool) -> String {
        let end = firstIndex { !holds($0) } ?? endIndex
        defer { self = self[end...] }
        return String(decoding: self[..<end], as: UTF8.self)
    }
}
