#if Redis
    /// A script, and the name by which a server that has seen it knows it.
    struct RedisScript: Sendable {
        let text: String
        let sha1: String

        /// - Parameter body: What follows the functions that all scripts share.
        init(_ body: String) {
            text = Self.shared + body
            sha1 = SHA1.hexadecimal(of: Array(text.utf8))
        }

        /// `ARGV[1]` is the version of what is kept, as this client knows it, and `ARGV[2]` the time in microseconds,
        /// for tests; otherwise it is empty, and the server's clock counts. All numbers are whole and below 2^53, as
        /// doubles are exact there; and are written as such, which Lua of itself does not do.
        private static let shared = """
            local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
            local function num(text) return tonumber(text) end
            local function str(number) return string.format('%.0f', number) end
            local function escaped(text)
              return (string.gsub(text, '[^%w_.-]', function(c) return string.format('%%%02X', string.byte(c)) end))
            end
            local now = num(ARGV[2])
            if not now then
              local time = redis.call('TIME')
              now = num(time[1]) * 1000000 + num(time[2])
            end
            local f, nodes, count = {}, {}, 0
            local all = redis.call('HGETALL', KEYS[1])
            for i = 1, #all, 2 do
              local name = all[i]
              if string.sub(name, 1, 2) == 'n:' then
                nodes[string.sub(name, 3)] = all[i + 1]
                count = count + 1
              else
                f[name] = all[i + 1]
              end
            end
            if f.v and num(f.v) > num(ARGV[1]) then return {'VERSION', num(f.v)} end
            local puts = {}
            local function put(name, value)
              if f[name] ~= value then puts[#puts + 1] = name; puts[#puts + 1] = value end
            end
            local function save(milliseconds)
              put('v', ARGV[1])
              if #puts > 0 then redis.call('HSET', KEYS[1], unpack(puts)) end
              redis.call('PEXPIRE', KEYS[1], str(milliseconds))
            end
            -- What was changed stays changed if it may not be told: others see it when they ask.
            local function publish(channel, message) redis.pcall('PUBLISH', channel, message) end

            """
    }

    /// FIPS 180-4. Servers name scripts by it; nothing is kept secret by it.
    enum SHA1 {
        static func hexadecimal(of message: [UInt8]) -> String {
            var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
            var bytes = message + [0x80]
            while bytes.count % 64 != 56 { bytes.append(0) }
            let bits = UInt64(message.count) &* 8
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
            for start in stride(from: 0, to: bytes.count, by: 64) {
                add(bytes[start..<(start + 64)], to: &state)
            }
            let digits = Array("0123456789abcdef")
            return String(
                state.flatMap { word in (0..<8).map { digits[Int(word >> (28 - 4 * UInt32($0)) & 15)] } })
        }

        private static func add(_ block: ArraySlice<UInt8>, to state: inout [UInt32]) {
            var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { index in
                block[index..<(index + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            }
            for index in 16..<80 {
                words.append(
                    rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for (index, word) in words.enumerated() {
                let (mixed, constant): (UInt32, UInt32) =
                    switch index {
                    case ..<20: (b & c | ~b & d, 0x5A82_7999)
                    case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                    case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                (a, b, c, d, e) = (rotated(a, 5) &+ mixed &+ e &+ constant &+ word, a, rotated(b, 30), c, d)
            }
            for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
        }

        private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
    }
#endif
