internal import ResilienceCore

extension Kind {
    static let rateLimiter = Kind(.rateLimiter, "rate limiter", section: "rateLimiters")
}

extension RateLimiter: LayerPattern {
    static var kind: Kind { .rateLimiter }

    static func recipe(_ settings: Configuration) -> Layer<RateLimiter> { layer(settings) }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// Also with a rule, of which a part may change something.
    static var formBases: [Configuration] {
        [.documentBase, Configuration(rule: .tokenBucket(1, per: .seconds(1)))]
    }
}

extension ResilienceModule {
    /// The rate limiter of a name: registered, a layer of a registered policy, or made from the defaults on first use.
    /// The defaults of a limiter have no rate: without one in the configuration none is made.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func rateLimiter(_ name: String) throws -> RateLimiter { try pattern(name) }
}
