package import ResilienceCore

extension Kind {
    static let timeout = Kind(.timeout, "timeout", section: "timeouts")
}

extension Timeout: LayerPattern {
    static var kind: Kind { .timeout }

    static func recipe(_ settings: Limit) -> Layer<Timeout> { layer(settings) }

    var settings: Limit { limit }

    func retune(_ change: SettingsChange<Limit>) throws { try update(change.settings) }

    /// It remembers no call.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState { .nothing }
}
