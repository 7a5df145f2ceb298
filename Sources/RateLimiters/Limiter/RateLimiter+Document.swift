public import ResilienceCore

extension RateLimiter.Configuration: DocumentRepresentable {
    /// `rateLimiter`
    public static var documentKey: String { "rateLimiter" }

    /// No wait, and a rule that is yet to be declared: there is no default, so that a document has to give one.
    public static var documentBase: Self { Self(rule: .undeclared) }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("rule") { rule.read(reader) }
            object.read("maxWait", &maxWait)
        }
    }

    /// What a document can say about this configuration: all of it.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        ["rule": rule.document, "maxWait": .duration(maxWait)]
    }
}
