internal import ResilienceCore

extension Kind {
    static let timeout = Kind(.timeout, "timeout", section: "timeouts")
}

extension Timeout: LayerPattern {
    static var kind: Kind { .timeout }

    static func recipe(_ settings: Configuration) -> Layer<Timeout> { layer(settings) }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
}
