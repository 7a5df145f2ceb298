#if Redis
    /// Which server of a cluster has which keys, as far as servers have said.
    struct ClusterMap: Sendable {
        private var addresses: [Int: RedisAddress] = [:]

        /// Where a command belongs, as far as is known.
        func address(of words: [String]) -> RedisAddress? {
            guard !addresses.isEmpty, let slot = Self.slot(of: words) else { return nil }
            return addresses[slot]
        }

        mutating func learn(_ slot: Int, _ address: RedisAddress) { addresses[slot] = address }

        /// A server that does not answer may have been replaced: the server that is asked then says by which.
        mutating func forget(_ address: RedisAddress) {
            addresses = addresses.filter { $0.value != address }
        }

        /// The slot of a command's first key; `nil` for one without.
        static func slot(of words: [String]) -> Int? {
            guard let command = words.first?.uppercased() else { return nil }
            if command == "EVAL" || command == "EVALSHA" {
                guard words.count > 3, words[2] != "0" else { return nil }
                return slot(of: words[3])
            }
            return words.count > 1 ? slot(of: words[1]) : nil
        }

        /// Of what is in the first braces, if there is something, and of all of the key otherwise.
        static func slot(of key: String) -> Int {
            let bytes = Array(key.utf8)
            if let open = bytes.firstIndex(of: UInt8(ascii: "{")),
                let close = bytes[open...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
            {
                return Int(crc16(bytes[(open + 1)..<close])) % 16_384
            }
            return Int(crc16(bytes[...])) % 16_384
        }

        /// CRC-16/XMODEM.
        private static func crc16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
            var crc: UInt16 = 0
            for byte in bytes {
                crc ^= UInt16(byte) << 8
                for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
            }
            return crc
        }
    }

    /// `MOVED 3999 10.0.0.1:6381`: another server has the key. `ASK …`: for this once.
    struct Redirection: Sendable, Hashable {
        var isLasting: Bool
        var slot: Int
        var address: RedisAddress

        /// - Parameter asked: The server that says so; one that does not know its name leaves it out.
        init?(_ error: String, asked: RedisAddress) {
            let words = error.split(separator: " ")
            guard words.count >= 3, words[0] == "MOVED" || words[0] == "ASK", let slot = Int(words[1]),
                (0..<16_384).contains(slot), let colon = words[2].lastIndex(of: ":"),
                let port = Int(words[2][words[2].index(after: colon)...]), (1...65_535).contains(port)
            else { return nil }
            let host = words[2][..<colon]
            isLasting = words[0] == "MOVED"
            self.slot = slot
            address = RedisAddress(host: host.isEmpty || host == "?" ? asked.host : String(host), port: port)
        }
    }
#endif
