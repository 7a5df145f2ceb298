public import ResilienceCore

extension RateLimiter.KeyedConfiguration: DocumentRepresentable {
    /// `keyedRateLimiter`
    public static var documentKey: String { "keyedRateLimiter" }

    /// The defaults, and a rule that is yet to be declared: there is no default, so that a document has to give one.
    public static var documentBase: Self { Self(rule: .undeclared) }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("rule") { rule.read(reader) }
            object.read("maxWait", &maxWait)
            object.read("maxKeys", &maxKeys)
            object.read("whenFull", &whenFull)
        }
    }

    /// What a document can say about this configuration: all of it.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        [
            "rule": rule.document, "maxWait": .duration(maxWait), "maxKeys": .integer(maxKeys),
            "whenFull": .word(whenFull),
        ]
    }
}
