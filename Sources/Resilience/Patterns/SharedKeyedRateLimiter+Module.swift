internal import ResilienceCore

extension Kind {
    static let sharedKeyedRateLimiter = Kind(
        .sharedKeyedRateLimiter, "shared keyed rate limiter", section: "sharedKeyedRateLimiters")
}

/// Only code can make one, because it alone knows the store and the keys. Runs with the module, also as a layer of one
/// of its policies.
extension SharedKeyedRateLimiter: LayerTunable, RunningComponent {
    static var kind: Kind { .sharedKeyedRateLimiter }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// Also with a rule, of which a part may change something.
    static var formBases: [Configuration] {
        [.documentBase, Configuration(rule: .example)]
    }

    func runInModule() async throws { try await run() }

    var complaint: Complaint? {
        isDegraded ? Complaint(text: "cannot reach its store", isOutage: false) : nil
    }
}

extension ResilienceModule {
    /// The limiter by key of a name that a fleet shares. Has to be registered: only code knows its keys and its store.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other keys.
    public func sharedKeyedRateLimiter<Key>(
        _ name: String, by key: Key.Type
    ) throws(UnknownNameError) -> SharedKeyedRateLimiter<Key> {
        try existing(.sharedKeyedRateLimiter, name)
    }
}
