#if Redis
    internal import ResilienceCore

    /// Where a server is, and the credentials to use.
    struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
        var host: String
        var port: Int

        var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// `redis://user:password@host:port/database`, or `rediss://` with TLS. `valkey` does as well.
    ///
    /// Faults never show what was written: a part that stands in the wrong place may be a password.
    struct RedisURL: Sendable {
        var usesTLS: Bool
        var user: String?
        var password: String?
        var address: RedisAddress
        var database: Int

        init(_ text: String) throws(ConfigurationError) {
            guard let (scheme, rest) = text.split(at: "://"),
                let usesTLS = ["redis": false, "rediss": true, "valkey": false, "valkeys": true][scheme.lowercased()]
            else {
                throw Self.fault("…", "does not begin with redis:// or rediss://")
            }
            let shown = "\(scheme.lowercased())://…"
            let bytes = Array(rest.utf8)
            let end = bytes.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
            var authority = bytes[..<(end ?? bytes.count)]
            let path = bytes[(end ?? bytes.count)...]
            guard !path.contains(UInt8(ascii: "@")) else {
                throw Self.fault(
                    shown, #"has an "@" behind the host: write /, ? and # in a password as %2F, %3F and %23"#)
            }
            if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
                let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":"))
                user = try Self.decoded(authority[..<(colon ?? at)], "user", shown)
                if let colon { password = try Self.decoded(authority[(colon + 1)..<at], "password", shown) }
                authority = authority[(at + 1)...]
            }
            if user?.isEmpty == true { user = nil }
            if password?.isEmpty == true { password = nil }
            guard user == nil || password != nil else { throw Self.fault(shown, "has a user and no password") }
            address = try Self.address(authority, shown)
            database = try Self.database(path, shown)
            self.usesTLS = usesTLS
        }

        private static func address(
            _ bytes: ArraySlice<UInt8>, _ shown: String
        ) throws(ConfigurationError) -> RedisAddress {
            var host = bytes
            var port: ArraySlice<UInt8>?
            if bytes.first == UInt8(ascii: "[") {
                guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                    throw fault(shown, #"has a "[" without its "]""#)
                }
                host = bytes[(bytes.startIndex + 1)..<close]
                let rest = bytes[(close + 1)...]
                guard rest.isEmpty || rest.first == UInt8(ascii: ":") else {
                    throw fault(shown, #"has something behind the "]" that is no port"#)
                }
                if !rest.isEmpty { port = rest.dropFirst() }
                guard host.contains(UInt8(ascii: ":")), host.allSatisfy({ isHostByte($0) || $0 == UInt8(ascii: ":") })
                else { throw fault(shown, "has no IPv6 address between the brackets") }
            } else {
                if let colon = bytes.lastIndex(of: UInt8(ascii: ":")) {
                    (host, port) = (bytes[..<colon], bytes[(colon + 1)...])
                }
                guard !host.isEmpty else { throw fault(shown, "has no host") }
                guard host.allSatisfy(isHostByte) else {
                    throw fault(shown, "has a host that is none; an IPv6 address stands in brackets")
                }
            }
            guard let number = port.map({ integer($0) }) ?? 6379, (1...65_535).contains(number) else {
                throw fault(shown, "has a port that is outside 1...65535")
            }
            return RedisAddress(host: String(decoding: host, as: UTF8.self), port: number)
        }

        private static func database(_ path: ArraySlice<UInt8>, _ shown: String) throws(ConfigurationError) -> Int {
            guard let first = path.first else { return 0 }
            guard first == UInt8(ascii: "/"), !path.contains(UInt8(ascii: "?")), !path.contains(UInt8(ascii: "#"))
            else {
                throw fault(shown, "has parameters, of which none is known")
            }
            guard path.count > 1 else { return 0 }
            guard let number = integer(path.dropFirst()), number <= 1_000_000 else {
                throw fault(shown, "has a database that is outside 0...1000000")
            }
            return number
        }

        private static func isHostByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }

        private static func integer(_ digits: ArraySlice<UInt8>) -> Int? {
            guard (1...9).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return Int(String(decoding: digits, as: UTF8.self))
        }

        private static func decoded(
            _ bytes: ArraySlice<UInt8>, _ part: String, _ shown: String
        ) throws(ConfigurationError) -> String {
            var result: [UInt8] = []
            var rest = bytes
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "%") else {
                    result.append(byte)
                    continue
                }
                guard let high = rest.popFirst().flatMap(hex), let low = rest.popFirst().flatMap(hex) else {
                    throw fault(shown, #"has a "%" in the \#(part) that is no escape; write it as %25"#)
                }
                result.append(high << 4 | low)
            }
            guard let text = String(validating: result, as: UTF8.self) else {
                throw fault(shown, "has a \(part) that is no UTF-8")
            }
            return text
        }

        private static func hex(_ byte: UInt8) -> UInt8? {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
            default: nil
            }
        }

        private static func fault(_ shown: String, _ violation: String) -> ConfigurationError {
            ConfigurationError(ConfigurationError.Fault(field: "url", value: shown, violation: violation))
        }
    }

    extension RedisURL: CustomStringConvertible, CustomReflectable {
        /// Without user and password.
        var description: String { "\(usesTLS ? "rediss" : "redis")://\(address)/\(database)" }

        /// What `dump` and a debugger show: without them, too.
        var customMirror: Mirror { Mirror(self, children: ["url": description]) }
    }

    extension String {
        /// What stands before and behind the first place of a text.
        func split(at text: String) -> (Substring, Substring)? {
            var start = startIndex
            while start < endIndex {
                if self[start...].hasPrefix(text) {
                    return (self[..<start], self[index(start, offsetBy: text.count)...])
                }
                start = index(after: start)
            }
            return nil
        }
    }
#endif
