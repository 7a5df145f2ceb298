public import ResilienceCore

extension Kind {
    static let hedge = Kind(.hedge, "hedged policy", section: "hedges")
}

extension Hedge: Tunable, Component {
    static var kind: Kind { .hedge }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// First use can make one, and so can a document, around a policy.
    static var takesDefaults: Bool { true }

    static func plan(_ sections: [String: ConfigurationReader], in plan: inout ConfigurationPlan) {
        plan.forEachName(in: .hedge, sections) { plan, name, reader in plan.planHedge(name, reader) }
    }
}

/// What a module holds of a hedge: the policy whose calls it is for along with it.
extension HedgedPolicy: PolicyCover {
    static var kind: Kind { .hedge }

    var own: any Sendable { hedge }

    func entries(in parts: Registration.ModuleParts) -> [Registry.Entry] {
        let (entry, policy) = parts.policy(policy)
        return [entry, HedgedPolicy(policy: policy, hedge: hedge).entry(in: parts)]
    }

    /// The entry of the hedge alone, whose policy is behind the gate already.
    fileprivate func entry(in parts: Registration.ModuleParts) -> Registry.Entry {
        parts.entry(.hedge, self, tuning: Tuning(hedge))
    }
}

extension ConfigurationPlan {
    fileprivate mutating func planHedge(_ name: String, _ reader: ConfigurationReader) {
        let key = Registry.Key(kind: .hedge, name: name)
        let documentKey = Hedge.documentKey
        let parts = partsOfSection(documentKey, reader)
        if let entry = entries[key] {
            guard let tuning = entry.tuning else { return }
            add(tuning.change(from: base(of: entry) + parts, findings))
            return
        }
        guard isOpen(for: .hedge, name, reader) else { return }
        let policyKey = Registry.Key(kind: .policy, name: name)
        let existing = entries[policyKey].flatMap { $0.origin != .document || mentioned.contains(policyKey) ? $0 : nil }
        guard let policy = (made[policyKey] ?? existing?.component) as? Policy else {
            let question = NearMiss.question(for: name, among: names(of: .policy))
            reader.refuse("is for calls of a policy that is not registered\(question)")
            return
        }
        let all = (defaults[documentKey].map { [$0] } ?? []) + parts
        var settings = Hedge.Configuration.documentBase
        guard findings.read(all, onto: &settings), let hedged = try? policy.hedged(settings) else { return }
        let module = module
        let environment = module.parts(named: name, origin: .document)
        let tuning = Tuning(hedged.hedge, declared: Hedge.Configuration.documentBase)
        let entry = environment.entry(.hedge, hedged, tuning: tuning)
        add { _ = module.add([entry]) }
    }
}

extension Registration {
    /// A policy whose calls are hedged: a hedge and a policy of the same name.
    ///
    /// - Parameters:
    ///   - name: The name of the policy and of its hedge.
    ///   - configuration: When and how often calls are hedged.
    ///   - layers: As for `Policy`; each attempt goes through all of them.
    @inlinable
    public init<S: Strategy>(
        hedged name: String, _ configuration: Hedge.Configuration = Hedge.Configuration(),
        @PolicyBuilder layers: () -> Layer<S>
    ) {
        self.init(hedged: name, configuration, recipe: PolicyRecipe(layers()))
    }

    @usableFromInline
    init(hedged name: String, _ configuration: Hedge.Configuration, recipe: PolicyRecipe) {
        self.init(name) { parts throws(ConfigurationError) in
            let (entry, policy) = parts.policy(try recipe.policy(in: parts.environment))
            let resolved: Hedge.Configuration
            do throws(ConfigurationError) {
                resolved = try configuration.resolved(in: parts.environment)
            } catch {
                throw error.prefixed(name)
            }
            return [entry, try policy.hedged(resolved).entry(in: parts)]
        }
    }
}

extension ResilienceModule {
    /// The hedged policy of a name; made on first use, unless the module is strict, from the policy of that name and
    /// the defaults for hedges.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered and may not be made.
    public func hedgedPolicy(_ name: String) throws -> HedgedPolicy {
        if let hedged: HedgedPolicy = try registered(.hedge, name) { return hedged }
        guard options.firstUse != .refuses else { throw unknown(.hedge, name) }
        let policy = try policy(name)
        return try makeOnFirstUse(.hedge, name) { [try policy.hedged().entry(in: $0)] }
    }
}
