internal import ResilienceCore

extension Kind {
    static let bulkhead = Kind(.bulkhead, "bulkhead", section: "bulkheads")
}

extension Bulkhead: LayerPattern {
    static var kind: Kind { .bulkhead }

    static func recipe(_ settings: Configuration) -> Layer<Bulkhead> { layer(settings) }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// With a queue and a windowed limit, of which a part may change something without naming it.
    static var formBases: [Configuration] {
        [Configuration(limit: .adaptive(.windowed(.aimd())), queue: Queue(capacity: 1))]
    }

    var complaint: Complaint? {
        guard limit == 0 else { return nil }
        return Complaint(
            text: "lets no call through: its limit is 0", noun: "a bulkhead whose limit is 0", isOutage: true)
    }
}

extension ResilienceModule {
    /// The bulkhead of a name: registered, a layer of a registered policy, or made from the defaults on first use.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func bulkhead(_ name: String) throws -> Bulkhead { try pattern(name) }
}
