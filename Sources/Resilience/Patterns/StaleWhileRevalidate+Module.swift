internal import ResilienceCore

extension Kind {
    static let staleWhileRevalidate = Kind(
        .staleWhileRevalidate, "stale-while-revalidate", section: "staleWhileRevalidates")
}

/// Only code can make one, because it alone knows the values.
extension KeyedStaleWhileRevalidate: Tunable, Component {
    static var kind: Kind { .staleWhileRevalidate }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// With any lengths, so that a part need not hold both.
    static var formBases: [Configuration] { [Configuration(freshFor: .zero, staleFor: .seconds(1))] }
}
