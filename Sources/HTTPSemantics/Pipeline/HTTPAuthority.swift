/// The place that a request goes to, as the name of its policy.
@usableFromInline
package enum HTTPAuthority {
    /// A host and perhaps a port, written in one way: in lower case, and without a port that is the scheme's own, so
    /// that one place in several spellings has one policy.
    ///
    /// - Parameters:
    ///   - authority: `EU.example.com:443`, without a user.
    ///   - scheme: `http` or `https`, in any case. With another, or `nil`, every port stays.
    @usableFromInline
    package static func name(_ authority: String, scheme: String?) -> String {
        // Nearly all are written so already, and are not copied.
        guard authority.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 >= 0x80 || $0.isUppercase }) else {
            return authority
        }
        let authority = authority.lowercased()
        // An address of IPv6 has colons of its own.
        guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else { return authority }
        let (host, port) = (authority[..<colon], authority[colon...].dropFirst())
        guard !port.isEmpty else { return String(host) }
        guard port.utf8.allSatisfy(\.isDecimalDigit), let number = UInt16(port) else { return authority }
        return number == usualPort(scheme) ? String(host) : "\(host):\(number)"
    }

    private static func usualPort(_ scheme: String?) -> UInt16? {
        switch scheme?.lowercased() {
        case "http": 80
        case "https": 443
        default: nil
        }
    }
}

extension UInt8 {
    fileprivate var isUppercase: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
}
