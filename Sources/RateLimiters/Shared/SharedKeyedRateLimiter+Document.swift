public import ResilienceCore

/// A document can say all of a configuration.
extension SharedRateLimiter.KeyedConfiguration: DocumentRepresentable {
    /// `sharedKeyedRateLimiter`
    public static var documentKey: String { "sharedKeyedRateLimiter" }

    /// The defaults, and a rule that is yet to be declared: there is no default.
    public static var documentBase: Self { Self(rule: .undeclared) }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        var single = single
        single.read(reader)
        self = Self(single)
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        single.document(in: environment)
    }
}
