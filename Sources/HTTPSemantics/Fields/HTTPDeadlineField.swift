public import ResilienceCore

/// A header field by which a caller tells how long it still waits. There is no standard for it: the name is chosen by
/// the user.
///
/// ```swift
/// let field = try HTTPDeadlineField("x-request-timeout-ms", .milliseconds)
/// ```
public struct HTTPDeadlineField: Sendable, Hashable {
    /// How the time is written.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// As in gRPC: at most eight digits and one of `H`, `M`, `S`, `m`, `u`, `n`. `1500m` is 1.5 seconds.
        case grpcTimeout
        /// Whole milliseconds, as in Envoy's `x-envoy-expected-rq-timeout-ms`.
        case milliseconds
        /// Seconds, with up to nine decimals.
        case seconds
    }

    /// The field's name.
    public let name: HTTPFieldName

    /// How the time is written.
    public let format: Format

    /// Chooses a field.
    ///
    /// - Throws: `ConfigurationError` if the name is no token.
    public init(_ name: String, _ format: Format) throws(ConfigurationError) {
        self.name = try HTTPFieldName(name, field: "deadline.header")
        self.format = format
    }

    private init(known name: HTTPFieldName, _ format: Format) {
        self.name = name
        self.format = format
    }

    /// `grpc-timeout`, which servers of gRPC and ASP.NET read.
    public static let grpcTimeout = HTTPDeadlineField(known: HTTPFieldName(known: "grpc-timeout"), .grpcTimeout)

    /// `x-envoy-expected-rq-timeout-ms`, which Envoy adds.
    public static let envoy = HTTPDeadlineField(
        known: HTTPFieldName(known: "x-envoy-expected-rq-timeout-ms"), .milliseconds)

    /// Reads a value: how long the caller waits from now on, zero or more; `nil` if it cannot be read.
    public func parse(_ value: String) -> Duration? {
        let text = value.utf8.trimmed
        switch format {
        case .grpcTimeout: return GRPCTimeout.parse(text)
        case .milliseconds: return Self.integer(text).map { .nanoseconds(Self.nanoseconds($0, 1_000_000)) }
        case .seconds:
            let text = String(decoding: text, as: UTF8.self)
            guard !text.isEmpty, text.utf8.allSatisfy({ $0.isDecimalDigit || $0 == UInt8(ascii: ".") }) else {
                return nil
            }
            // The parser of `Retry-After` reads the same numbers; dates were excluded above.
            return ServerHint.http(retryAfter: text, secondsSince1970: .nan).delay
        }
    }

    /// Writes how long is left, rounded down, so that no work is done for a caller that has gone. Zero if nothing is.
    public func text(for remaining: Duration) -> String {
        let nanoseconds = max(0, remaining.saturatedNanoseconds)
        return switch format {
        case .grpcTimeout: GRPCTimeout.text(nanoseconds)
        case .milliseconds: "\(nanoseconds / 1_000_000)"
        case .seconds: Self.decimal(nanoseconds)
        }
    }

    private static func decimal(_ nanoseconds: Int64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return "\(whole)" }
        var fraction = "\(rest)"
        fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }

    /// The digits as a number; the largest if it does not fit.
    static func integer(_ text: Substring.UTF8View) -> Int64? {
        guard !text.isEmpty, text.count <= 64, text.allSatisfy(\.isDecimalDigit) else { return nil }
        return text.reduce(into: Int64(0)) { number, digit in
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            number = overflow ? .max : product.addingSaturated(Int64(digit - UInt8(ascii: "0")))
        }
    }

    static func nanoseconds(_ number: Int64, _ unit: Int64) -> Int64 {
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? .max : product
    }
}

/// The value of `grpc-timeout`.
enum GRPCTimeout {
    private static let units: [(letter: Character, nanoseconds: Int64)] = [
        ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000),
        ("H", 3_600_000_000_000),
    ]

    static func parse(_ text: Substring.UTF8View) -> Duration? {
        guard let letter = text.last, text.count <= 9,
            let unit = units.first(where: { $0.letter.asciiValue == letter }),
            let number = HTTPDeadlineField.integer(text.dropLast())
        else { return nil }
        return .nanoseconds(HTTPDeadlineField.nanoseconds(number, unit.nanoseconds))
    }

    /// In the finest unit in which eight digits are enough.
    static func text(_ nanoseconds: Int64) -> String {
        for unit in units where nanoseconds / unit.nanoseconds < 100_000_000 {
            return "\(nanoseconds / unit.nanoseconds)\(unit.letter)"
        }
        return "99999999H"
    }
}

extension HTTPFieldName {
    /// A name of which it is known that it is a token.
    init(known name: StaticString) {
        self.name = "\(name)"
    }
}
