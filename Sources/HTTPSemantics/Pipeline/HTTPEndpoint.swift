public import ResilienceCore

/// One of several places that answer the same requests.
public struct HTTPEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// How it was given: `https://eu.example.com:8443`, without a slash at the end.
    public let url: String

    /// `http` or `https`.
    public let scheme: String

    /// The host, with its port if that is not the scheme's (80, 443), in lower case.
    public let authority: String

    /// How much of the traffic it gets, compared with others, where routes are drawn by weight.
    public let weight: Double

    /// Reads an endpoint: a scheme, `http` or `https`, a host, and perhaps a port. A path, user or query is none of an
    /// endpoint's.
    ///
    /// - Parameters:
    ///   - url: `https://eu.example.com`.
    ///   - weight: Above 0. Default: 1.
    /// - Throws: `ConfigurationError` for anything else.
    public init(_ url: String, weight: Double = 1) throws(ConfigurationError) {
        try self.init(url, weight: weight, field: "endpoint")
    }

    init(_ text: String, weight: Double, field: String) throws(ConfigurationError) {
        var check = ConfigurationCheck()
        let url = text.hasSuffix("/") ? String(text.dropLast()) : text
        let parts = Self.parts(url)
        check.require(
            parts != nil, field, "\"\(text.prefix(128))\"", "is not http:// or https:// with a host and perhaps a port")
        check.require(
            weight > 0 && weight.isFinite, "\(field).weight", "\(weight)", "is not a finite number above 0")
        try check.finish()
        self.url = url
        scheme = parts?.scheme ?? ""
        authority = parts?.authority ?? ""
        self.weight = weight
    }

    private static func parts(_ url: String) -> (scheme: String, authority: String)? {
        // Before it is in lower case: the sign of kelvins would be a `k` then.
        guard url.utf8.count <= 512, url.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let lower = url.lowercased()
        guard let scheme = ["https", "http"].first(where: { lower.hasPrefix($0 + "://") }) else {
            return nil
        }
        let authority = lower.dropFirst(scheme.count + 3)
        var host = authority[...]
        // An address of IPv6 has colons of its own.
        let end = host.first == "[" ? host.firstIndex(of: "]").map { host.index(after: $0) } : host.firstIndex(of: ":")
        if let end, end < host.endIndex {
            let port = host[end...]
            guard port.first == ":", let number = UInt16(port.dropFirst()), number > 0,
                port.dropFirst().utf8.allSatisfy(\.isDecimalDigit)
            else { return nil }
            host = host[..<end]
            let isUsual = number == (scheme == "http" ? 80 : 443)
            return isHost(host) ? (scheme, isUsual ? String(host) : "\(host):\(number)") : nil
        }
        return isHost(host) ? (scheme, String(authority)) : nil
    }

    private static func isHost(_ host: Substring) -> Bool {
        if host.first == "[" {
            return host.last == "]" && host.utf8.count > 3
                && host.dropFirst().dropLast().utf8.allSatisfy {
                    $0.isDecimalDigit || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
                        || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f"))
                }
        }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return !host.isEmpty
            && labels.allSatisfy { label in
                !label.isEmpty && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy {
                        $0.isDecimalDigit || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z"))
                            || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                    }
            }
    }

    /// The URL.
    public var description: String { url }
}
