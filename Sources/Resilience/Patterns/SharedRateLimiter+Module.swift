internal import ResilienceCore

extension Kind {
    static let sharedRateLimiter = Kind(.sharedRateLimiter, "shared rate limiter", section: "sharedRateLimiters")
}

/// Only code can make one, because it alone knows the store. Runs with the module, also as a layer of one of its
/// policies.
extension SharedRateLimiter: LayerTunable, RunningComponent {
    static var kind: Kind { .sharedRateLimiter }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// Also with a rule, of which a part may change something.
    static var formBases: [Configuration] { [.documentBase, Configuration(rule: .example)] }

    func runInModule() async throws { try await run() }

    var complaint: Complaint? {
        isDegraded ? Complaint(text: "cannot reach its store", isOutage: false) : nil
    }
}

extension SharedQuotaRule {
    /// For the bases of forms.
    static let example = SharedQuotaRule(permits: 1000, period: .seconds(1), burst: 1000)
}

extension ResilienceModule {
    /// The limiter of a name that a fleet shares. Has to be registered for itself: only code knows its store.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered.
    public func sharedRateLimiter(_ name: String) throws(UnknownNameError) -> SharedRateLimiter {
        try existing(.sharedRateLimiter, name)
    }
}
