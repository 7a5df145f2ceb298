public import Resilience
internal import ResilienceCore

/// A header field by which a caller tells how important a request is, for the queues of bulkheads.
///
/// Read it only from callers that are trusted: every caller would be important otherwise.
public struct HTTPPriorityField: Sendable, Hashable {
    /// How a priority is written.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// As the urgency of RFC 9218: `u=0` is the most important, `u=7` the least, `u=3` normal. A step is 50 of a
        /// bulkhead's priority: `u=1` is ``/Bulkheads/Bulkhead/Priority/high``, `u=5` low.
        case urgency
        /// As a number, a bulkhead's priority: -1000 to 1000.
        case number
    }

    /// The field's name.
    public let name: HTTPFieldName

    /// How the priority is written.
    public let format: Format

    /// Chooses a field.
    ///
    /// - Throws: `ConfigurationError` if the name is no token.
    public init(_ name: String, _ format: Format) throws(ConfigurationError) {
        self.name = try HTTPFieldName(name, field: "priority.header")
        self.format = format
    }

    private init(known name: HTTPFieldName, _ format: Format) {
        self.name = name
        self.format = format
    }

    /// The `Priority` field of RFC 9218.
    public static let standard = HTTPPriorityField(known: HTTPFieldName(known: "priority"), .urgency)

    /// Reads a value; `nil` if it cannot be read, or says nothing of how urgent it is.
    public func parse(_ value: String) -> Bulkhead.Priority? {
        let text = value.utf8.trimmed
        switch format {
        case .number:
            let isNegative = text.first == UInt8(ascii: "-")
            guard let number = HTTPDeadlineField.integer(isNegative ? text.dropFirst() : text), number <= 1000 else {
                return nil
            }
            return Bulkhead.Priority(isNegative ? -Int(number) : Int(number))
        case .urgency:
            guard text.count <= 256 else { return nil }
            var urgency: Int?
            // A dictionary, of which one key counts: the last of its kind, as in every dictionary.
            for member in text.split(separator: UInt8(ascii: ",")) {
                let member = String(decoding: member, as: UTF8.self).utf8.trimmed
                guard member.first == UInt8(ascii: "u"), member.dropFirst().first == UInt8(ascii: "=") else { continue }
                let digits = member.dropFirst(2).prefix { $0 != UInt8(ascii: ";") }
                guard let number = HTTPDeadlineField.integer(digits), number <= 7 else { return nil }
                urgency = Int(number)
            }
            return urgency.map { Bulkhead.Priority((3 - $0) * 50) }
        }
    }

    /// Writes a priority, as near as the format allows.
    public func text(for priority: Bulkhead.Priority) -> String {
        let bounded = min(max(priority.rawValue, -1000), 1000)
        return switch format {
        case .number: "\(bounded)"
        case .urgency: "u=\(min(max(3 - bounded / 50, 0), 7))"
        }
    }
}
