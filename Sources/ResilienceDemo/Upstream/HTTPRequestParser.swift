/// A request as far as the demo's servers care.
struct HTTPRequest: Equatable {
    let method: String
    let path: String
    /// Whether the client wants the connection to stay open.
    let keepsAlive: Bool
    /// The kinds of answer that the client takes, as in the header.
    var accept: String?
}

/// Reads HTTP/1.1 requests (RFC 9112) from bytes that arrive in any portions.
struct HTTPRequestParser {
    enum Result: Equatable {
        case needsMore
        case request(HTTPRequest)
        /// The bytes are no request. The connection cannot go on after the answer with this status.
        case invalid(status: Int)
    }

    static let longestHead = 16 * 1024
    static let longestBody = 1024 * 1024

    private var buffer: [UInt8] = []
    /// How much of the last request's body is still to come and to be dropped.
    private var bodyToSkip = 0

    mutating func append(_ bytes: some Sequence<UInt8>) {
        buffer.append(contentsOf: bytes)
        skipBody()
    }

    /// How many bytes wait to be read as a request.
    var bufferedCount: Int { buffer.count }

    /// The next request, if it is complete as far as its head.
    mutating func next() -> Result {
        guard bodyToSkip == 0 else { return .needsMore }
        // RFC 9112, 2.2: an empty line before the request line is ignored.
        let start = buffer.firstIndex { $0 != .carriageReturn && $0 != .lineFeed } ?? buffer.count
        buffer.removeFirst(start)
        guard let (lines, length) = head() else {
            return buffer.count > Self.longestHead ? .invalid(status: 431) : .needsMore
        }
        guard length <= Self.longestHead else { return .invalid(status: 431) }
        buffer.removeFirst(length)
        return parse(lines)
    }

    /// The lines before the first empty one, and how many bytes they take with it.
    private func head() -> (lines: [ArraySlice<UInt8>], length: Int)? {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while let end = buffer[start...].firstIndex(of: .lineFeed) {
            let isTerminatedByTwo = end > start && buffer[end - 1] == .carriageReturn
            let line = buffer[start..<(isTerminatedByTwo ? end - 1 : end)]
            start = end + 1
            if line.isEmpty { return (lines, start) }
            lines.append(line)
        }
        return nil
    }

    private mutating func parse(_ lines: [ArraySlice<UInt8>]) -> Result {
        let parts = lines.first?.split(separator: .space, omittingEmptySubsequences: false) ?? []
        let words = parts.map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[0].isToken, words[1].hasPrefix("/") || words[1] == "*" else {
            return .invalid(status: 400)
        }
        guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            return .invalid(status: words[2].hasPrefix("HTTP/") ? 505 : 400)
        }
        var fields = Fields(keepsAlive: words[2] == "HTTP/1.1")
        for line in lines.dropFirst() {
            guard let (name, value) = Self.field(line) else { return .invalid(status: 400) }
            if let status = fields.read(name, value) { return .invalid(status: status) }
        }
        bodyToSkip = fields.contentLength ?? 0
        skipBody()
        return .request(
            HTTPRequest(method: words[0], path: words[1], keepsAlive: fields.keepsAlive, accept: fields.accept))
    }

    /// What the header fields say, as far as it matters here.
    private struct Fields {
        var keepsAlive: Bool
        var contentLength: Int?
        var accept: String?

        /// Returns the status of the refusal if the field makes the request one that cannot be read.
        mutating func read(_ name: String, _ value: String) -> Int? {
            switch name {
            case "content-length":
                guard value.allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(value),
                    contentLength == nil || contentLength == length
                else { return 400 }
                contentLength = length
                return length <= longestBody ? nil : 413
            case "transfer-encoding": return 501
            case "accept":
                accept = accept.map { "\($0),\(value)" } ?? value
                return nil
            case "connection":
                let options = value.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }
                if options.contains("keep-alive") { keepsAlive = true }
                if options.contains("close") { keepsAlive = false }
                return nil
            default: return nil
            }
        }
    }

    /// A header field's name in lower case, and its value without the space around it.
    private static func field(_ line: ArraySlice<UInt8>) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: .colon) else { return nil }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        guard name.isToken else { return nil }
        var value = line[(colon + 1)...]
        while value.first == .space || value.first == .tab { value = value.dropFirst() }
        while value.last == .space || value.last == .tab { value = value.dropLast() }
        return (name.lowercased(), String(decoding: value, as: UTF8.self))
    }

    private mutating func skipBody() {
        let count = min(bodyToSkip, buffer.count)
        buffer.removeFirst(count)
        bodyToSkip -= count
    }
}

extension UInt8 {
    fileprivate static let tab = UInt8(ascii: "\t")
    fileprivate static let lineFeed = UInt8(ascii: "\n")
    fileprivate static let carriageReturn = UInt8(ascii: "\r")
    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let colon = UInt8(ascii: ":")
}

extension String {
    /// Whether the text is a token as in RFC 9110, 5.6.2.
    fileprivate var isToken: Bool {
        !isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
