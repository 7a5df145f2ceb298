public import ResilienceCore

/// What a server said about trying again.
public enum ServerHint: Sendable, Hashable {
    /// Not before so long from now.
    case retryAfter(Duration)
    /// Not at all.
    case doNotRetry
    /// Something that makes no sense. A retry counts it, and its backoff applies.
    case unreadable(String)

    /// Reads the value of an HTTP `Retry-After` header (RFC 9110, section 10.2.3): a number of seconds, or a date such as
    /// `Sun, 06 Nov 1994 08:49:37 GMT`. A date that has passed means now.
    ///
    /// - Parameters:
    ///   - value: What the header says.
    ///   - now: The time of day, for a date: seconds since the beginning of 1970, as from `timeIntervalSince1970`.
    public static func http(retryAfter value: String, secondsSince1970 now: Double) -> ServerHint {
        let text = value.utf8.trimmed
        if !text.isEmpty, text.allSatisfy({ $0.isDigit }) { return .retryAfter(.seconds(saturating: text)) }
        guard let date = HTTPDate(text), now.isFinite else { return .unreadable(value) }
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

/// An error that carries what a server said about trying again: more than the time of ``RetryAfterProviding``.
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
    /// What an error says, if it says anything.
    init?(_ error: any Error) {
        if let error = error as? any ServerHintProviding {
            guard let hint = error.serverHint else { return nil }
            self = hint
        } else if let delay = (error as? any RetryAfterProviding)?.retryAfter {
            self = .retryAfter(delay)
        } else {
            return nil
        }
    }
}

extension Duration {
    /// The number that digits make, in seconds; the longest duration if it is larger than that.
    fileprivate static func seconds(saturating digits: Substring.UTF8View) -> Duration {
        let limit = Int64.max / 1_000_000_000
        var seconds: Int64 = 0
        for digit in digits {
            seconds = seconds * 10 + Int64(digit - UInt8(ascii: "0"))
            if seconds >= limit { return .nanoseconds(Int64.max) }
        }
        return .seconds(seconds)
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
