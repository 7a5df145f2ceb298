/// A line of the terminal view: pieces of text with their colours, cut to a width that does not count the colours.
struct StyledLine: Sendable, Equatable {
    enum Style: String, Sendable {
        case plain = ""
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    private(set) var pieces: [(text: String, style: Style)] = []

    init(_ text: String = "", _ style: Style = .plain) {
        append(text, style)
    }

    mutating func append(_ text: String, _ style: Style = .plain) {
        if !text.isEmpty { pieces.append((text, style)) }
    }

    static func + (lhs: StyledLine, rhs: StyledLine) -> StyledLine {
        var sum = lhs
        sum.pieces += rhs.pieces
        return sum
    }

    static func == (lhs: StyledLine, rhs: StyledLine) -> Bool {
        lhs.pieces.elementsEqual(rhs.pieces) { $0 == $1 }
    }

    var text: String { pieces.map(\.text).joined() }

    /// At most `width` characters, with escape sequences if there are to be colours.
    func rendered(width: Int, hasColor: Bool) -> String {
        var result = ""
        var room = width
        for (text, style) in pieces where room > 0 {
            let text = String(text.prefix(room))
            room -= text.count
            result += hasColor && style != .plain ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
        }
        return result
    }
}
