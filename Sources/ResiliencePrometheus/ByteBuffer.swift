/// Text while it is put together, in UTF-8.
///
/// Memory of its own instead of an array: a page is hundreds of thousands of short pieces, and room for those of one
/// sample is made once.
struct ByteBuffer: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 256) {
        start = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit {
        start.deallocate()
    }

    @inline(__always)
    func withBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        body(UnsafeBufferPointer(start: start, count: count))
    }

    mutating func truncate(to count: Int) {
        self.count = count
    }

    /// Makes room for some more bytes.
    @inline(__always)
    mutating func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        let new = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        new.update(from: start, count: count)
        start.deallocate()
        start = new
        capacity = larger
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1)
        start[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let first = bytes.baseAddress else { return }
        reserve(bytes.count)
        (start + count).update(from: first, count: bytes.count)
        count += bytes.count
    }

    @inline(__always)
    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { append($0) }
    }

    @inline(__always)
    mutating func append(_ other: borrowing ByteBuffer) {
        append(UnsafeBufferPointer(start: other.start, count: other.count))
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    /// A text with `\`, line feeds and, if asked for, quotation marks escaped. A zero byte, at which some parsers stop,
    /// becomes U+FFFD.
    mutating func append(escaping text: String, quotes: Bool) {
        var text = text
        text.withUTF8 { utf8 in
            guard utf8.contains(where: { Self.needsEscape($0, quotes) }) else { return append(utf8) }
            for byte in utf8 {
                switch byte {
                case UInt8(ascii: "\n"): append("\\n")
                case 0: append("\u{FFFD}")
                case _ where Self.needsEscape(byte, quotes):
                    append(UInt8(ascii: "\\"))
                    append(byte)
                default: append(byte)
                }
            }
        }
    }

    private static func needsEscape(_ byte: UInt8, _ quotes: Bool) -> Bool {
        byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\n") || byte == 0
            || (quotes && byte == UInt8(ascii: "\""))
    }

    mutating func append(_ number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        append(digits: UInt64(number.magnitude), atLeast: 1)
    }

    mutating func append(_ number: Double) {
        if number.isNaN {
            append("NaN")
        } else if number.isInfinite {
            append(number < 0 ? "-Inf" : "+Inf")
        } else {
            append(number.description)
        }
    }

    /// Nanoseconds as seconds, exactly, with at least one decimal.
    mutating func append(seconds nanoseconds: UInt128) {
        if let word = UInt64(exactly: nanoseconds) {
            let (whole, rest) = word.quotientAndRemainder(dividingBy: 1_000_000_000)
            append(digits: whole, atLeast: 1)
            append(fraction: rest)
        } else {
            let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
            append(whole.description)
            append(fraction: UInt64(rest))
        }
    }

    private mutating func append(fraction nanoseconds: UInt64) {
        append(UInt8(ascii: "."))
        guard nanoseconds > 0 else { return append(UInt8(ascii: "0")) }
        var digits = nanoseconds
        var count = 9
        while digits % 10 == 0 {
            digits /= 10
            count -= 1
        }
        append(digits: digits, atLeast: count)
    }

    private mutating func append(digits number: UInt64, atLeast least: Int) {
        if number < 10, least == 1 { return append(UInt8(ascii: "0") + UInt8(number)) }
        var length = 0
        var rest = number
        while rest > 0 {
            rest /= 10
            length += 1
        }
        length = max(length, least)
        reserve(length)
        rest = number
        for position in stride(from: count + length - 1, through: count, by: -1) {
            start[position] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        count += length
    }
}
