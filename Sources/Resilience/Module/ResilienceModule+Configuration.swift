public import ResilienceCore

extension ResilienceModule {
    /// What a document says about a module: defaults, templates to inherit from, and the configuration of things by
    /// name.
    ///
    /// ```json
    /// {
    ///   "defaults": { "circuitBreaker": { "breakLength": "10s" } },
    ///   "templates": { "careful": { "retry": { "maxAttempts": 2 } } },
    ///   "policies": { "payments": { "inherits": "careful", "timeout": "800ms" } }
    /// }
    /// ```
    ///
    /// `Codable` in any format, as what the document holds. Whether that fits shows when it is put in force, or with
    /// ``ResilienceModule/validate(_:)``: only there is known what there is to configure.
    public struct Configuration: Sendable, Hashable, Codable {
        /// The document.
        public let document: ConfigurationValue

        /// Creates a configuration from a document; by default one that says nothing.
        public init(_ document: ConfigurationValue = [:]) {
            self.document = document
        }

        /// Decodes a document of any format.
        public init(from decoder: any Decoder) throws {
            document = try ConfigurationValue(from: decoder)
        }

        /// Encodes the document.
        public func encode(to encoder: any Encoder) throws {
            try document.encode(to: encoder)
        }
    }

    struct Updates {
        var configuration = Configuration()
        var waiting: [ConfigurationChange] = []
        var isApplying = false
        /// What was taken out by hand since, of what the configuration says something about: that does not bring it
        /// back, and is for it again once it is registered again.
        var removed: Set<Registry.Key> = []
        /// How many configurations were put in force.
        var applied = 0
        /// How many were refused for their faults, or could not be loaded. One that a source gives again and again is
        /// one.
        var refused = 0
    }

    /// The configuration in force.
    public var configuration: Configuration { updates.withLock { $0.configuration } }

    /// Puts a configuration in force: retunes what there is, keeping its state, makes what only the document describes,
    /// and takes out what an earlier one described and this one does not. What the document does not mention goes back
    /// to what code declared.
    ///
    /// All or nothing: a document with a fault changes nothing. Calls that run are not disturbed; a policy whose layers
    /// change goes on with the old ones until its calls have ended. May be called at any time and from several tasks;
    /// the last to come stays in force.
    ///
    /// - Throws: All faults of the document, each with its path: `policies.payments.retry.maxAttempts: 0 is below 1`.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        do {
            try putInForce(configuration, isSilent: false)
        } catch {
            updates.withLock { $0.refused += 1 }
            throw error
        }
    }

    /// Checks a configuration against what is registered, and changes nothing.
    ///
    /// - Throws: All faults, as ``update(_:)`` would.
    public func validate(_ configuration: Configuration) throws(ConfigurationError) {
        _ = try ConfigurationPlan(configuration, for: self)
    }

    /// - Parameter isSilent: Whether this is not another configuration, but the same for what is new.
    func putInForce(_ configuration: Configuration, isSilent: Bool) throws(ConfigurationError) {
        let change = try plan(configuration, isSilent: isSilent)
        let isFirst = updates.withLock { updates in
            updates.waiting.append(change)
            defer { updates.isApplying = true }
            return !updates.isApplying
        }
        // Retuning a strategy delivers its events, so that it must not happen under a lock: the first caller does the
        // work for all that arrive meanwhile.
        guard isFirst else { return }
        while let change = updates.withLock({ updates -> ConfigurationChange? in
            updates.isApplying = !updates.waiting.isEmpty
            return updates.waiting.isEmpty ? nil : updates.waiting.removeFirst()
        }) {
            apply(change)
        }
    }

    private func plan(
        _ configuration: Configuration, isSilent: Bool
    ) throws(ConfigurationError) -> ConfigurationChange {
        var removed = isSilent ? updates.withLock { $0.removed } : []
        // A hedge that the document describes has nothing to go around then.
        for key in removed where key.kind == .policy {
            let hedge = Registry.Key(kind: .hedge, name: key.name)
            if registry.withLock({ $0.entries[hedge] }) == nil { removed.insert(hedge) }
        }
        var change = try ConfigurationPlan(configuration.leavingOut(removed), for: self).change
        (change.configuration, change.isSilent) = (configuration, isSilent)
        return change
    }

    private func apply(_ planned: ConfigurationChange) {
        var change = planned
        do {
            let wanted = planned.isSilent ? configuration : planned.configuration
            // Worked out again if something was registered, made or taken out since, or another configuration came
            // first.
            if wanted != planned.configuration || registry.withLock({ $0.version }) != planned.version {
                change = try plan(wanted, isSilent: planned.isSilent)
            }
            for step in change.steps { try step() }
        } catch {
            // It fitted when it was planned, and does not fit what has been registered meanwhile.
            updates.withLock { $0.refused += 1 }
            events.post(.reloadFailed(error: error))
            events.deliver()
            return
        }
        updates.withLock { updates in
            updates.configuration = change.configuration
            guard !change.isSilent else { return }
            updates.removed = []
            updates.applied += 1
            events.post(.reloaded)
        }
        events.deliver()
    }

    /// Remembers that something was taken out that the configuration in force says something about.
    func noteRemoval(_ key: Registry.Key) {
        updates.withLock { updates in
            if updates.configuration.mentions(key) { updates.removed.insert(key) }
        }
    }

    // MARK: What a plan needs

    var documentEnvironment: DocumentEnvironment {
        let budgets = registry.withLock { registry in
            registry.all.compactMap { entry in (entry.component as? any AttemptBudget).map { (entry.name, $0) } }
        }
        return DocumentEnvironment(budgets: Dictionary(budgets) { $1 }, clock: clock)
    }

    /// Retunes what is made on first use by the defaults of a document.
    func applyDefaults(of configuration: Configuration, to entry: Registry.Entry) throws {
        let findings = Findings(documentEnvironment)
        let defaults = configuration.document["defaults"]
        let tunings = (entry.managed?.declared.tunings ?? []) + (entry.tuning.map { [$0] } ?? [])
        let steps = tunings.compactMap { tuning in
            defaults?[tuning.key].flatMap { part in
                tuning.change(from: [ConfigurationReader(document: part, findings)], findings)
            }
        }
        try findings.finish()
        for step in steps { try step() }
    }
}

extension ResilienceModule.Configuration {
    fileprivate func mentions(_ key: Registry.Key) -> Bool {
        key.kind.section.flatMap { document[$0]?[key.name] } != nil
    }

    /// The same without what it says about some things.
    fileprivate func leavingOut(_ keys: Set<Registry.Key>) -> ResilienceModule.Configuration {
        guard !keys.isEmpty, case .object(var sections) = document else { return self }
        for key in keys {
            guard let section = key.kind.section, case .object(var things)? = sections[section] else { continue }
            things[key.name] = nil
            sections[section] = .object(things)
        }
        return ResilienceModule.Configuration(.object(sections))
    }
}
