/// What a server said about trying again.
public enum ServerHint: Sendable, Hashable {
    /// Not before so long from now.
    case retryAfter(Duration)
    /// Not at all.
    case doNotRetry
    /// Something that makes no sense. It is as if nothing had been said; a retry counts it.
    case unreadable(String)

    /// Reads the value of an HTTP `Retry-After` header (RFC 9110, section 10.2.3): a number of seconds, also with
    /// decimals, which some servers send; or a date in any of the three forms of HTTP, such as
    /// `Sun, 06 Nov 1994 08:49:37 GMT`. A date that has passed means now.
    ///
    /// - Parameters:
    ///   - value: What the header says.
    ///   - now: The time of day, for a date: seconds since the beginning of 1970, as from `timeIntervalSince1970`.
    public static func http(retryAfter value: String, secondsSince1970 now: Double) -> ServerHint {
        let text = value.utf8.trimmed
        if let delay = Duration(seconds: text) { return .retryAfter(delay) }
        guard now.isFinite, let date = HTTPDate(text, now: now) else { return .unreadable(value) }
        let seconds = Double(date.secondsSince1970) - now
        return .retryAfter(Duration.seconds(1).multipliedSaturated(by: max(0, seconds)))
    }

    /// Reads the value of gRPC's `grpc-retry-pushback-ms`: milliseconds to wait. A negative number, or anything that is
    /// not a number, asks not to retry (gRFC A6).
    public static func grpc(pushback value: String) -> ServerHint {
        guard let milliseconds = Int64(value), milliseconds >= 0 else { return .doNotRetry }
        return .retryAfter(.milliseconds(milliseconds))
    }
}

/// Reads a date in any of the three forms of HTTP, as seconds since the beginning of 1970.
///
/// - Parameter now: The present, for the century of a year of two digits.
package func secondsSince1970(ofHTTPDate value: String, now: Double) -> Double? {
    now.isFinite ? HTTPDate(value.utf8.trimmed, now: now).map { Double($0.secondsSince1970) } : nil
}

/// An error, or a response, that carries what a server said about trying again: more than the time of
/// ``RetryAfterProviding``.
public protocol ServerHintProviding: RetryAfterProviding {
    /// What the server said, or `nil` if it said nothing.
    var serverHint: ServerHint? { get }
}

extension ServerHintProviding {
    /// The time, if the server gave one.
    public var retryAfter: Duration? {
        guard case .retryAfter(let delay) = serverHint else { return nil }
        return delay
    }
}

extension ServerHint {
    /// The time to wait, if that is what it says.
    package var delay: Duration? { if case .retryAfter(let delay) = self { delay } else { nil } }

    /// What an error says, or the one inside, if it says anything; of a value that was not accepted, what that says.
    package init?(_ error: any Error) {
        if let unaccepted = unacceptedResult(in: error) {
            if let hint = unaccepted.failure.flatMap({ ServerHint($0) }) {
                self = hint
            } else if let value = unaccepted.erasedValue {
                self.init(value: value)
            } else {
                self.init(value: unaccepted)
            }
        } else if let hint = ServerHint(value: error) ?? ServerHint(value: unwrapped(error)) {
            self = hint
        } else {
            return nil
        }
    }

    /// What a value says, if it says anything.
    package init?(value: Any) {
        if let value = value as? any ServerHintProviding {
            guard let hint = value.serverHint else { return nil }
            self = hint
        } else if let delay = (value as? any RetryAfterProviding)?.retryAfter {
            self = .retryAfter(delay)
        } else {
            return nil
        }
    }
}

extension Duration {
    /// A number of seconds: digits, which may be followed by a point and digits. The longest duration if it is larger
    /// than that; what is below a nanosecond is left out. `nil` for anything else.
    fileprivate init?(seconds text: Substring.UTF8View) {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isDigit) }) else {
            return nil
        }
        let limit = Int64.max / 1_000_000_000
        var seconds: Int64 = 0
        for digit in whole where seconds < limit {
            seconds = seconds * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        guard seconds < limit else {
            self = .nanoseconds(Int64.max)
            return
        }
        var nanoseconds: Int64 = 0
        var unit: Int64 = 100_000_000
        for digit in (parts.count > 1 ? parts[1] : whole.prefix(0)).prefix(9) {
            nanoseconds += Int64(digit - UInt8(ascii: "0")) * unit
            unit /= 10
        }
        self = .seconds(seconds) + .nanoseconds(nanoseconds)
    }
}

extension String.UTF8View {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmed: Substring.UTF8View {
        var text = self[...]
        while let first = text.first, first.isBlank { text.removeFirst() }
        while let last = text.last, last.isBlank { text.removeLast() }
        return text
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
