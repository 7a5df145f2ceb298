internal import ResilienceCore

extension Kind {
    static let pause = Kind(.pause, "pause", section: "pauses")
}

extension Pause: LayerPattern {
    static var kind: Kind { .pause }

    static func recipe(_ settings: Configuration) -> Layer<Pause> { layer(settings) }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// A service that asks to wait is not as it should be, and calls are held back for that long.
    var complaint: Complaint? {
        guard let remaining else { return nil }
        return Complaint(
            text: "holds calls back for another \(remaining.sentenceForm)", noun: "a pause that the service asked for",
            isOutage: false)
    }
}

extension ResilienceModule {
    /// The pause of a name: registered, a layer of a registered policy, or made from the defaults on first use.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func pause(_ name: String) throws -> Pause { try pattern(name) }
}
