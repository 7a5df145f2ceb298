public import ResilienceCore

extension Pause.Configuration: DocumentRepresentable {
    /// `pause`
    public static var documentKey: String { "pause" }

    /// The defaults.
    public static var documentBase: Self { Self() }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("maxPause", &maxPause)
            object.read("hintJitter", &hintJitter)
            object.read("maxWaiting", &maxWaiting)
        }
    }

    /// What a document can say about this configuration.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        ["maxPause": .duration(maxPause), "hintJitter": .number(hintJitter), "maxWaiting": .integer(maxWaiting)]
    }
}
