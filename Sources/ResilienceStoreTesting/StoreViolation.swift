/// Something that a store does and must not: what a check of its behaviour has found.
public struct StoreViolation: Sendable, Hashable, CustomStringConvertible {
    /// The rule that does not hold, in a sentence.
    public let rule: String

    /// What was seen instead.
    public let found: String

    /// Creates a violation.
    public init(_ rule: String, found: String) {
        self.rule = rule
        self.found = found
    }

    /// Both in a sentence.
    public var description: String { "\(rule): \(found)" }
}
