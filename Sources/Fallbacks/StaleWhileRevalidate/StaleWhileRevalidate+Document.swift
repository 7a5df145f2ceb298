public import ResilienceCore

/// A document can say everything about a configuration.
extension StaleWhileRevalidateConfiguration: DocumentRepresentable {
    /// `staleWhileRevalidate`
    public static var documentKey: String { "staleWhileRevalidate" }

    /// The defaults, and lengths that are none: a document has to give ``freshFor`` and ``staleFor``.
    public static var documentBase: Self { Self(freshFor: .nanoseconds(-1), staleFor: .zero) }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if freshFor < .zero && !object.has("freshFor") {
                object.refuse(missing: "freshFor")
                freshFor = .zero
            }
            if staleFor <= .zero && !object.has("staleFor") {
                object.refuse(missing: "staleFor")
                staleFor = .seconds(1)
            }
            object.read("freshFor", &freshFor)
            object.read("staleFor", &staleFor)
            object.read("maxKeys", &maxKeys)
            object.read("maxRefreshes", &maxRefreshes)
            object.read("refreshBackoff", &refreshBackoff)
            object.read("maxRefreshBackoff", &maxRefreshBackoff)
        }
    }

    /// What a document can say about this configuration: all of it.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        [
            "freshFor": .duration(freshFor), "staleFor": .duration(staleFor), "maxKeys": .integer(maxKeys),
            "maxRefreshes": .integer(maxRefreshes), "refreshBackoff": .duration(refreshBackoff),
            "maxRefreshBackoff": .duration(maxRefreshBackoff),
        ]
    }
}
