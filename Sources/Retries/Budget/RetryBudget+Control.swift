public import ResilienceCore
internal import Synchronization

extension RetryBudget {
    // MARK: Reading

    /// How tokens are earned and spent.
    public var configuration: Configuration { settings.withLock { $0 } }

    /// The tokens there are now, expired ones left out; a ratio's with its reserve.
    public var balance: Double {
        expire()
        let reserve = parameters.reserve.load(ordering: .relaxed)
        return Double(tokens.load(ordering: .relaxed) + reserve) / Double(Self.unit)
    }

    /// The totals since the budget was created.
    public var totals: Totals {
        Totals(granted: granted.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed))
    }

    // MARK: Retuning

    /// Puts another rule in force. The totals stay; so do the tokens, up to the capacity of the new configuration,
    /// unless it is of another kind: such a rule starts over.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        expire()
        // Read outside the lock: the clock may be the user's.
        let now = window.now
        settings.withLock { current in
            guard configuration != current else { return }
            let isSameKind = configuration.parameters.kind == current.parameters.kind
            current = configuration
            parameters.store(configuration)
            window.setLength(configuration.window, now: now, keeping: isSameKind)
            if !isSameKind {
                tokens.store(configuration.initialTokens, ordering: .relaxed)
            } else if configuration.parameters.kind != Parameters.ratio {
                tokens.min(configuration.parameters.capacity, ordering: .relaxed)
            }
        }
    }
}
