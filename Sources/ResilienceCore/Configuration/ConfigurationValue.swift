/// A piece of a configuration document, whatever format it was written in.
///
/// Decoded from JSON or any other `Decoder`, or written in code:
///
/// ```swift
/// let document: ConfigurationValue = ["retry": ["maxAttempts": 4, "maxDelay": "2s"]]
/// ```
public enum ConfigurationValue: Sendable, Hashable {
    /// Nothing: takes away what an optional setting had.
    case null
    /// True or false.
    case boolean(Bool)
    /// A whole number.
    case integer(Int)
    /// A number that is not whole, or too large for an `Int`.
    case number(Double)
    /// A text; durations are written so: `"250ms"`, `"2s"`, `"1m30s"`.
    case string(String)
    /// A list.
    case array([ConfigurationValue])
    /// Values by their keys.
    case object([String: ConfigurationValue])

    /// A duration as documents write it, such as `"1m30s"`; ``null`` for `nil`.
    ///
    /// Whole hours and minutes, then seconds with decimals: `"1h30m"`, `"2.5s"`; below a second, one unit of `ms`, `us`
    /// and `ns`. Exact.
    public static func duration(_ duration: Duration?) -> ConfigurationValue {
        duration.map { .string($0.documentText) } ?? .null
    }

    /// The word for a choice, which ``ConfigurationReader/word(_:among:)`` reads back.
    public static func word(_ choice: some DocumentWord) -> ConfigurationValue { .string(choice.rawValue) }

    /// The value of a key; `nil` if there is none, or if this is not an object.
    public subscript(key: String) -> ConfigurationValue? {
        if case .object(let values) = self { values[key] } else { nil }
    }

    /// As a fault quotes it: short, and on one line.
    var quoted: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): text.abridged.debugDescription
        case .array(let values): values.isEmpty ? "[]" : "[…]"
        case .object(let values): values.isEmpty ? "{}" : "{…}"
        }
    }

    var isContainer: Bool {
        switch self {
        case .array, .object: true
        default: false
        }
    }
}

extension ConfigurationValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Creates ``null``.
    public init(nilLiteral: ()) { self = .null }

    /// Creates a boolean.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }

    /// Creates a whole number.
    public init(integerLiteral value: Int) { self = .integer(value) }

    /// Creates a number.
    public init(floatLiteral value: Double) { self = .number(value) }

    /// Creates a text.
    public init(stringLiteral value: String) { self = .string(value) }

    /// Creates a list.
    public init(arrayLiteral elements: ConfigurationValue...) { self = .array(elements) }

    /// Creates an object; of a key that stands there twice the last value.
    public init(dictionaryLiteral elements: (String, ConfigurationValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}

extension String {
    /// The beginning, if it is long.
    var abridged: String { count <= 60 ? self : prefix(60) + "…" }

    /// As one step of a path: quoted if it holds more than letters, digits, hyphens and underscores.
    package var pathStep: String {
        let isPlain =
            !isEmpty
            && utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        return isPlain ? abridged : abridged.debugDescription
    }
}
