#if Redis
    import Foundation
    import NIOCore
    import ResilienceCore
    import Testing

    @testable import ResilienceRedis

    /// `RESILIENCE_RESP_INPUTS=10000000 RESILIENCE_TESTS=ResilienceRedisTests swift test --traits Redis -c release
    /// -Xswiftc -enable-testing --filter RESPParserTests` for as many inputs as that.
    @Suite("Replies in RESP2 and RESP3")
    struct RESPParserTests {
        static let inputs = ProcessInfo.processInfo.environment["RESILIENCE_RESP_INPUTS"].flatMap(Int.init) ?? 10_000

        @Test(
            "each type is told as RESP2 has it",
            arguments: [
                ("+OK\r\n", .string("OK")), ("-ERR no\r\n", .error("ERR no")), (":-12\r\n", .integer(-12)),
                (":9223372036854775807\r\n", .integer(.max)), (":+7\r\n", .integer(7)), ("$0\r\n\r\n", .string("")),
                ("$5\r\na\r\nbc\r\n", .string("a\r\nbc")), ("$-1\r\n", .null), ("*-1\r\n", .null), ("_\r\n", .null),
                ("*0\r\n", .array([])),
                ("*2\r\n:1\r\n*1\r\n$1\r\na\r\n", .array([.integer(1), .array([.string("a")])])),
                ("#t\r\n", .integer(1)), ("#f\r\n", .integer(0)), (",1.5\r\n", .string("1.5")),
                ("(12345678901234567890\r\n", .string("12345678901234567890")),
                ("=7\r\ntxt:abc\r\n", .string("abc")), ("!6\r\nERR no\r\n", .error("ERR no")),
                ("~2\r\n:1\r\n:2\r\n", .array([.integer(1), .integer(2)])),
                ("%1\r\n+a\r\n:1\r\n", .array([.string("a"), .integer(1)])), ("%0\r\n", .array([])),
                ("|1\r\n+ttl\r\n:3\r\n:1\r\n", .integer(1)), ("|0\r\n:1\r\n", .integer(1)),
                ("*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:1\r\n:2\r\n", .array([.integer(1), .integer(2)])),
                ("$2\r\n\u{FF}\r\n", .string("\u{FF}")), ("+\r\n", .string("")),
            ] as [(String, RedisReply)])
        func types(_ text: String, _ reply: RedisReply) throws {
            #expect(try frames(of: Array(text.utf8)) == [.reply(reply)])
        }

        @Test("what is published is no reply, and may be empty")
        func pushes() throws {
            let text = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n>0\r\n>1\r\n*0\r\n"
            let message: [RedisReply] = [.string("message"), .string("a"), .string("b")]
            #expect(
                try frames(of: Array(text.utf8)) == [
                    .push(message), .reply(.integer(1)), .push([]), .push([.array([])]),
                ])
        }

        @Test(
            "what is no reply is an error that says so",
            arguments: [
                "HTTP/1.1 400 Bad Request\r\n", "\u{16}\u{3}\u{1}", "\r\n", "x", ":\r\n", ":1a\r\n", ": 1\r\n",
                ":9223372036854775808\r\n", "$-2\r\n", "$a\r\n", "*-2\r\n", "$1\r\nab\r\n", "$1\r\na\n\n", "+OK\n",
                "\n", "#x\r\n", "#\r\n", "_x\r\n", "=3\r\nabc\r\n", "!-1\r\n", "%-1\r\n", "~-2\r\n", ">-1\r\n",
                "*1\r\n>1\r\n:1\r\n", "$99999999999999999999\r\n", "*99999999999999999999\r\n", "*?\r\n", "$?\r\n",
                "*9223372036854775807\r\n", "%9223372036854775807\r\n",
            ])
        func noReply(_ text: String) {
            #expect(throws: SharedStateError.self) { try frames(of: Array(text.utf8)) }
        }

        @Test("a reply of a million levels is an error, and so is one beyond any other limit")
        func limits() throws {
            let error = #expect(throws: SharedStateError.self) {
                try frames(of: Array(String(repeating: "*1\r\n", count: 1_000_000).utf8))
            }
            #expect("\(try #require(error))".contains("more than 32 arrays in each other"))
            var limits = RESPParser.Limits()
            (limits.bytes, limits.lineBytes, limits.elements, limits.depth) = (100, 20, 4, 2)
            let good = [
                "*2\r\n*1\r\n:1\r\n:2\r\n", "+\(String(repeating: "x", count: 17))\r\n",
                "%2\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
                "$90\r\n\(String(repeating: "x", count: 90))\r\n", ":1\r\n",
            ]
            #expect(try frames(of: Array(good.joined().utf8), limits).count == good.count)
            let bad = [
                "*1\r\n*1\r\n*1\r\n:1\r\n", "+\(String(repeating: "x", count: 18))\r\n",
                String(repeating: "+x", count: 20),
                "%3\r\n", "*5\r\n", "$101\r\n", "*4\r\n$30\r\n\(String(repeating: "x", count: 30))\r\n$60\r\n",
                String(repeating: "|1\r\n:1\r\n:1\r\n", count: 20),
            ]
            for text in bad {
                #expect(throws: SharedStateError.self, "\(text)") { try frames(of: Array(text.utf8), limits) }
            }
        }

        @Test("a promised length takes no memory before its bytes have come")
        func promises() throws {
            var parser = RESPParser()
            var buffer = ByteBuffer(string: String(repeating: "*65536\r\n", count: 32) + "$1048000\r\n")
            #expect(try parser.decode(buffer: &buffer) == nil)
            #expect(buffer.readableBytes == 0)
        }

        @Test("however a reply is cut, it is the same")
        func cuts() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SplitMix64(seed: seed)
            for number in 0..<(Self.inputs / 10) {
                // Others have to get on, too.
                if number % 50 == 0 { await Task.yield() }
                var bytes: [UInt8] = []
                for _ in 0..<Int.random(in: 1...4, using: &random) { bytes += randomReply(0, &random) }
                let whole = try frames(of: bytes)
                #expect(try frames(of: bytes, cutBy: &random) == whole, "seed \(seed)")
            }
        }

        @Test("random and damaged input gives replies or an error, the same however it is cut")
        func damaged() async {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SplitMix64(seed: seed)
            for number in 0..<Self.inputs {
                if number % 50 == 0 { await Task.yield() }
                var bytes = Bool.random(using: &random) ? randomReply(0, &random) : randomBytes(&random)
                for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty { damage(&bytes, &random) }
                let whole = Result { try frames(of: bytes) }
                let cut = Result { try frames(of: bytes, cutBy: &random) }
                switch (whole, cut) {
                case (.success(let whole), .success(let cut)): #expect(whole == cut, "seed \(seed)")
                // What came before the error may have been cut off with it.
                case (.failure, .failure): break
                default: Issue.record("\(whole) and \(cut), seed \(seed)")
                }
            }
        }
    }

    /// All frames in bytes that come at once.
    func frames(of bytes: [UInt8], _ limits: RESPParser.Limits = .init()) throws -> [RESPFrame] {
        var parser = RESPParser(limits)
        var buffer = ByteBuffer(bytes: bytes)
        var frames: [RESPFrame] = []
        while let frame = try parser.decode(buffer: &buffer) { frames.append(frame) }
        return frames
    }

    private func frames(of bytes: [UInt8], cutBy random: inout SplitMix64) throws -> [RESPFrame] {
        var parser = RESPParser()
        var buffer = ByteBuffer()
        var frames: [RESPFrame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = Int.random(in: 1...(Bool.random(using: &random) ? 3 : rest.count), using: &random)
            buffer.writeBytes(rest.prefix(length))
            rest = rest.dropFirst(length)
            if Bool.random(using: &random) { buffer.discardReadBytes() }
            while let frame = try parser.decode(buffer: &buffer) { frames.append(frame) }
        }
        return frames
    }

    private func randomReply(_ depth: Int, _ random: inout SplitMix64) -> [UInt8] {
        func text(_ random: inout SplitMix64) -> [UInt8] {
            (0..<Int.random(in: 0...12, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        func several(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
            (0..<count).flatMap { _ in randomReply(depth + 1, &random) }
        }
        let count = Int.random(in: 0...3, using: &random)
        switch Int.random(in: 0..<(depth > 5 ? 8 : 13), using: &random) {
        case 0: return Array("+OK\r\n".utf8)
        case 1: return Array("-ERR no\r\n".utf8)
        case 2: return Array(":\(Int64.random(in: Int64.min...Int64.max, using: &random))\r\n".utf8)
        case 3: return Array(["_\r\n", "$-1\r\n", "*-1\r\n"].randomElement(using: &random)?.utf8 ?? "".utf8)
        case 4: return Array("#t\r\n,1.25\r\n(123\r\n".utf8.prefix(4))
        case 5:
            let text = text(&random)
            return Array("=\(text.count + 4)\r\ntxt:".utf8) + text + Array("\r\n".utf8)
        case 6, 7:
            let text = text(&random)
            return Array("$\(text.count)\r\n".utf8) + text + Array("\r\n".utf8)
        case 8: return Array("%\(count)\r\n".utf8) + several(count * 2, &random)
        case 9: return Array("|\(count)\r\n".utf8) + several(count * 2, &random) + randomReply(depth + 1, &random)
        case 10 where depth == 0: return Array(">\(count)\r\n".utf8) + several(count, &random)
        default: return Array("*\(count)\r\n".utf8) + several(count, &random)
        }
    }

    private func randomBytes(_ random: inout SplitMix64) -> [UInt8] {
        let alphabet = Array("+-:$*_#,(!=%~>|0123456789\r\n\r\n\r\n?aZ\u{0}".utf8)
        return (0..<Int.random(in: 0...60, using: &random)).map { _ in
            alphabet.randomElement(using: &random) ?? 0
        }
    }

    private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: bytes[place...].prefix(8), at: place)
        default: bytes.removeSubrange(place...)
        }
    }
#endif
