internal import ResilienceCore

extension Kind {
    static let retryBudget = Kind(.retryBudget, "retry budget", section: "retryBudgets")
}

extension RetryBudget: Pattern {
    static var kind: Kind { .retryBudget }

    static func make(_ settings: Configuration, in environment: PolicyEnvironment) throws(ConfigurationError)
        -> RetryBudget
    {
        try RetryBudget(settings, time: environment.time)
    }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    static var formBases: [Configuration] { Configuration.bases }

    /// Also forgets the names of those that only an earlier document described: what comes after may not name them.
    static func plan(_ sections: [String: ConfigurationReader], in plan: inout ConfigurationPlan) {
        plan.planDescribed(RetryBudget.self, sections)
        for (key, entry) in plan.entries where key.kind == .retryBudget && entry.origin == .document {
            if !plan.mentioned.contains(key) { plan.findings.environment.budgets[key.name] = nil }
        }
    }

    /// A budget hears nothing and tells nothing: what it refuses is an event of the strategy that asked.
    func addObserver(_ observer: any PolicyObserver) {}

    func collect(into metrics: inout MetricCollection, named name: String) {
        metrics.collect(self.metrics(named: name))
    }
}

extension Registration {
    /// A budget for the retries and hedges of several policies, on the module's clock.
    public init(budget name: String, _ rule: RetryBudget.Configuration = .ratio(0.2)) {
        self.init(name) { parts throws(ConfigurationError) in
            do throws(ConfigurationError) {
                return [parts.entry(of: try RetryBudget.make(rule, in: parts.environment))]
            } catch {
                throw error.prefixed(name)
            }
        }
    }
}

extension ResilienceModule {
    /// The retry budget of a name: registered, or made from the defaults on first use.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func retryBudget(_ name: String) throws -> RetryBudget {
        if let budget: RetryBudget = try registered(.retryBudget, name) { return budget }
        return try makeOnFirstUse(of: RetryBudget.self, name)
    }
}
