#if Redis
    internal import NIOCore
    internal import ResilienceCore

    /// What a server sends: the reply to a command, or what it tells unasked.
    enum RESPFrame: Sendable, Hashable {
        case reply(RedisReply)
        case push([RedisReply])
    }

    /// Reads replies in RESP2 and RESP3, however they are cut.
    ///
    /// What was read is not read again when more comes, and nothing grows with what a length promises: only with what
    /// has come. A reply beyond a limit, or that is none, is an error; then nothing more can be read.
    struct RESPParser: NIOSingleStepByteToMessageDecoder {
        typealias InboundOut = RESPFrame

        /// What one reply may have.
        struct Limits: Sendable, Hashable {
            /// Bytes, of everything in it.
            var bytes = 1 << 20
            /// Bytes of a line: what has no length in front.
            var lineBytes = 1 << 16
            /// Elements of one array.
            var elements = 1 << 16
            /// Arrays in arrays.
            var depth = 32
        }

        /// An array, or anything like one, of which not all elements have come.
        private struct Level {
            enum Kind { case array, push, attributes }
            var kind: Kind
            var missing: Int
            var elements: [RedisReply] = []
        }

        /// A text whose length has come.
        private struct Bulk {
            enum Kind { case text, verbatim, error }
            var kind: Kind
            var length: Int
        }

        private let limits: Limits
        private var levels: [Level] = []
        private var bulk: Bulk?
        /// How many bytes of the buffer are known to have no end of a line.
        private var scanned = 0
        /// Bytes that were read of the reply that is read.
        private var bytes = 0

        init(_ limits: Limits = Limits()) {
            self.limits = limits
        }

        mutating func decode(buffer: inout ByteBuffer) throws -> RESPFrame? {
            while true {
                let value: RedisReply?
                if let bulk {
                    guard buffer.readableBytes >= bulk.length + 2 else { return nil }
                    value = try read(bulk, &buffer)
                    self.bulk = nil
                } else {
                    guard let line = try readLine(&buffer) else { return nil }
                    value = try read(line)
                }
                if let value, let frame = add(value) {
                    bytes = 0
                    return frame
                }
                // A push is an array, so that nothing was added to what is around it.
                if let push = finishedPush() {
                    bytes = 0
                    return .push(push)
                }
            }
        }

        mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPFrame? {
            try decode(buffer: &buffer)
        }

        /// Puts a value where it belongs; returns it if it is a reply of its own.
        private mutating func add(_ value: RedisReply) -> RESPFrame? {
            var value = value
            while let last = levels.indices.last {
                levels[last].elements.append(value)
                levels[last].missing -= 1
                guard levels[last].missing == 0 else { return nil }
                // Attributes tell something of the reply that follows, which was not asked for.
                guard levels[last].kind == .array else {
                    if levels[last].kind == .attributes { levels.removeLast() }
                    return nil
                }
                value = .array(levels.removeLast().elements)
            }
            return .reply(value)
        }

        private mutating func finishedPush() -> [RedisReply]? {
            guard let last = levels.last, last.kind == .push, last.missing == 0 else { return nil }
            return levels.removeLast().elements
        }

        private mutating func count(_ length: Int) throws {
            bytes += length
            guard bytes <= limits.bytes else {
                throw SharedStateError.malformed("a reply of more than \(limits.bytes) bytes")
            }
        }

        /// The next line without its end, if all of it is there.
        private mutating func readLine(_ buffer: inout ByteBuffer) throws -> ByteBufferView? {
            let view = buffer.readableBytesView
            guard let end = view.dropFirst(scanned).firstIndex(of: UInt8(ascii: "\n")) else {
                // The first byte tells whether this can become a reply at all.
                if scanned == 0, let type = view.first, !Self.types.contains(type) { throw Self.noReply(type) }
                scanned = view.count
                guard scanned <= limits.lineBytes else { throw tooLong() }
                return nil
            }
            scanned = 0
            let length = end - view.startIndex + 1
            guard length <= limits.lineBytes else { throw tooLong() }
            guard length >= 3, view[end - 1] == UInt8(ascii: "\r") else {
                throw SharedStateError.malformed("a line of a reply that does not end with CR LF")
            }
            try count(length)
            buffer.moveReaderIndex(forwardBy: length)
            return view[view.startIndex..<(end - 1)]
        }

        private func tooLong() -> SharedStateError {
            .malformed("a line of more than \(limits.lineBytes) bytes in a reply")
        }

        /// What a line says; `nil` if there is more to come.
        private mutating func read(_ line: ByteBufferView) throws -> RedisReply? {
            let type = line[line.startIndex]
            let rest = line.dropFirst()
            switch type {
            case UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "("): return .string(text(rest))
            case UInt8(ascii: "-"): return .error(text(rest))
            case UInt8(ascii: ":"): return .integer(try integer(rest))
            case UInt8(ascii: "_"):
                guard rest.isEmpty else { throw Self.wrongLine(type) }
                return .null
            case UInt8(ascii: "#"):
                guard rest.count == 1, let first = rest.first, first == UInt8(ascii: "t") || first == UInt8(ascii: "f")
                else { throw Self.wrongLine(type) }
                return .integer(first == UInt8(ascii: "t") ? 1 : 0)
            case UInt8(ascii: "$"): return try begin(.text, rest)
            case UInt8(ascii: "="): return try begin(.verbatim, rest)
            case UInt8(ascii: "!"): return try begin(.error, rest)
            case UInt8(ascii: "*"), UInt8(ascii: "~"): return try begin(.array, rest, pairs: false)
            case UInt8(ascii: "%"): return try begin(.array, rest, pairs: true)
            case UInt8(ascii: "|"): return try begin(.attributes, rest, pairs: true)
            case UInt8(ascii: ">"):
                guard levels.isEmpty else { throw SharedStateError.malformed("a push within a reply") }
                return try begin(.push, rest, pairs: false)
            default: throw Self.noReply(type)
            }
        }

        private mutating func begin(_ kind: Bulk.Kind, _ digits: ByteBufferView) throws -> RedisReply? {
            let length = try integer(digits)
            if length == -1, kind == .text { return .null }
            guard length >= (kind == .verbatim ? 4 : 0) else {
                throw SharedStateError.malformed("a text of \(length) bytes in a reply")
            }
            guard length <= limits.bytes else {
                throw SharedStateError.malformed("a text of \(length) bytes in a reply, more than \(limits.bytes)")
            }
            try count(Int(length) + 2)
            bulk = Bulk(kind: kind, length: Int(length))
            return nil
        }

        private mutating func begin(
            _ kind: Level.Kind, _ digits: ByteBufferView, pairs: Bool
        ) throws -> RedisReply? {
            let length = try integer(digits)
            if length == -1, kind == .array, !pairs { return .null }
            guard length >= 0, length <= limits.elements / (pairs ? 2 : 1) else {
                throw SharedStateError.malformed(
                    "an array of \(length) elements in a reply, of at most \(limits.elements)")
            }
            if length == 0, kind != .push { return kind == .array ? .array([]) : nil }
            guard levels.count < limits.depth else {
                throw SharedStateError.malformed("a reply of more than \(limits.depth) arrays in each other")
            }
            levels.append(Level(kind: kind, missing: Int(length) * (pairs ? 2 : 1)))
            return nil
        }

        private func read(_ bulk: Bulk, _ buffer: inout ByteBuffer) throws -> RedisReply {
            var text = buffer.readString(length: bulk.length) ?? ""
            guard buffer.readInteger(as: UInt8.self) == UInt8(ascii: "\r"),
                buffer.readInteger(as: UInt8.self) == UInt8(ascii: "\n")
            else { throw SharedStateError.malformed("a text in a reply that is not as long as it says") }
            switch bulk.kind {
            case .text: return .string(text)
            case .error: return .error(text)
            case .verbatim:
                // A format of three letters and a colon.
                text.unicodeScalars.removeFirst(min(4, text.unicodeScalars.count))
                return .string(text)
            }
        }

        private func text(_ bytes: ByteBufferView) -> String { String(decoding: bytes, as: UTF8.self) }

        private func integer(_ bytes: ByteBufferView) throws -> Int64 {
            guard bytes.count <= 20, let number = Int64(text(bytes)) else {
                throw SharedStateError.malformed("a number in a reply that is none")
            }
            return number
        }

        private static let types = Set("+-:$*_#,(!=%~>|".utf8)

        private static func noReply(_ type: UInt8) -> SharedStateError {
            .malformed("no Redis answers there: a reply cannot begin with byte \(type)")
        }

        private static func wrongLine(_ type: UInt8) -> SharedStateError {
            .malformed("a line of type \(type) in a reply that is none")
        }
    }

    extension ByteBuffer {
        /// Writes a command as servers of every version read it.
        mutating func write(command words: [String]) {
            writeString("*\(words.count)\r\n")
            for word in words {
                writeString("$\(word.utf8.count)\r\n")
                writeString(word)
                writeString("\r\n")
            }
        }
    }
#endif
