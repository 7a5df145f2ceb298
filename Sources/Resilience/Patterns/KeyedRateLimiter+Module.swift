internal import ResilienceCore

extension Kind {
    static let keyedRateLimiter = Kind(.keyedRateLimiter, "keyed rate limiter", section: "keyedRateLimiters")
}

/// Only code can make one, because it alone says which key a call has.
extension KeyedRateLimiter: LayerTunable, Component {
    static var kind: Kind { .keyedRateLimiter }

    var settings: RateLimiter.KeyedConfiguration { configuration }

    func retune(_ change: SettingsChange<RateLimiter.KeyedConfiguration>) throws { try update(change.settings) }

    /// Also with a rule, of which a part may change something.
    static var formBases: [RateLimiter.KeyedConfiguration] {
        [.documentBase, RateLimiter.KeyedConfiguration(rule: .tokenBucket(1, per: .seconds(1)))]
    }
}

extension ResilienceModule {
    /// The rate limiter by key of a name. Has to be registered: only code knows its keys.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other keys.
    public func keyedRateLimiter<Key>(
        _ name: String, by key: Key.Type
    ) throws(UnknownNameError) -> KeyedRateLimiter<Key> {
        try existing(.keyedRateLimiter, name)
    }
}
