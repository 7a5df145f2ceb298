internal import ResilienceCore

extension Kind {
    static let retry = Kind(.retry, "retry", section: "retries")
}

extension Retry: LayerPattern {
    static var kind: Kind { .retry }

    static func recipe(_ settings: Configuration) -> Layer<Retry> { layer(settings) }

    var settings: Configuration { configuration }

    /// A budget that a document describes in its place is remade whenever the document is read. The one at work goes
    /// on in its place, by the new rule, with its tokens.
    func retune(_ change: SettingsChange<Configuration>) throws {
        var settings = change.settings
        if let new = settings.budget as? RetryBudget, let old = configuration.budget as? RetryBudget, new !== old,
            change.isOfDocument(new), change.isOfDocument(old)
        {
            try old.update(new.configuration)
            settings.budget = old
        }
        try update(settings)
    }

    /// A part need not name the kind of the backoff or of the budget that it changes. The default first: by it faults
    /// are told.
    static var formBases: [Configuration] {
        ([.exponential()] + Backoff.bases).flatMap { backoff in
            RetryBudget.formBases.map { Configuration(backoff: backoff, budget: try? RetryBudget($0)) }
        }
    }
}

extension SettingsChange<Retry.Configuration> {
    fileprivate func isOfDocument(_ budget: RetryBudget) -> Bool {
        (declared.budget as? RetryBudget) !== budget && names.name(of: budget) == nil
    }
}

extension ResilienceModule {
    /// The retry of a name: registered, a layer of a registered policy, or made from the defaults on first use.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func retry(_ name: String) throws -> Retry { try pattern(name) }
}
