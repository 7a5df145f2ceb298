#if Redis
    /// The names of keys and channels.
    ///
    /// What is in braces decides which server of a cluster has a key. Names are escaped, so that no two have one key,
    /// and none ends the braces: everything but letters, digits, `_`, `.` and `-` is written as `%` and two hexadecimal
    /// digits for each byte.
    struct RedisKeys: Sendable {
        let prefix: String

        init(prefix: String) {
            self.prefix = Self.escaped(prefix)
        }

        func circuit(_ name: String) -> String { "\(prefix):{\(Self.escaped(name))}:circuit" }
        func changes(_ name: String) -> String { "\(prefix):{\(Self.escaped(name))}:changes" }
        func quota(_ name: String, key: String?) -> String {
            "\(prefix):{\(Self.escaped(name))\(key.map { "/" + Self.escaped($0) } ?? "")}:quota"
        }
        func budget(_ name: String) -> String { "\(prefix):{\(Self.escaped(name))}:budget" }
        func pause(_ service: String) -> String { "\(prefix):{\(Self.escaped(service))}:pause" }
        var pauses: String { "\(prefix):pauses" }
        var check: String { "\(prefix):{}:check" }

        static func escaped(_ name: String) -> String {
            let digits = Array("0123456789ABCDEF".utf8)
            var bytes: [UInt8] = []
            for byte in name.utf8 {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    bytes.append(byte)
                default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// The name that was escaped; what is no escape stays as it is.
        static func unescaped(_ text: some StringProtocol) -> String {
            var bytes: [UInt8] = []
            var rest = Array(text.utf8)[...]
            while let byte = rest.popFirst() {
                let digits = rest.prefix(2)
                if byte == UInt8(ascii: "%"), digits.count == 2,
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                {
                    bytes.append(value)
                    rest = rest.dropFirst(2)
                } else {
                    bytes.append(byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
#endif
