public import ResilienceCore

/// Of a configuration, a document can say everything but ``handles`` and ``ignores``, which stay in force along with
/// what the document says.
extension AdaptiveThrottle.Configuration: DocumentRepresentable {
    /// `adaptiveThrottle`
    public static var documentKey: String { "adaptiveThrottle" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("multiplier", &multiplier)
            object.read("window", &window)
            object.read("buckets", &buckets)
            object.read("maxRejection", &maxRejection)
            object.read("minimumRequests", &minimumRequests)
        }
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        [
            "multiplier": .number(multiplier), "window": .duration(window), "buckets": .integer(buckets),
            "maxRejection": .number(maxRejection), "minimumRequests": .integer(minimumRequests),
        ]
    }
}
