public import ResilienceCore

/// A document says `"2s"`, or `"remaining"`. It cannot say a function; that is written as `null`, which leaves a limit
/// as it is.
extension Timeout.Configuration: DocumentRepresentable {
    /// `timeout`
    public static var documentKey: String { "timeout" }

    /// ``remaining``, because there is no default length.
    public static var documentBase: Self { remaining }

    /// Takes what the document says.
    public mutating func read(_ reader: ConfigurationReader) {
        switch reader.value {
        case .null:
            if case .custom = kind { return }
            reader.refuse("is neither a duration such as \"2s\" nor \"remaining\"")
        case _ where reader.says("remaining"): self = .remaining
        default: if let limit = reader.checked(as: "limit").duration() { self = .fixed(limit) }
        }
    }

    /// What a document can say about this limit.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        switch kind {
        case .fixed(let limit): .duration(limit)
        case .remaining: "remaining"
        case .custom: .null
        }
    }
}
