public import ResilienceCore

extension ResilienceModule {
    /// What a document says about a module: defaults, templates to inherit from, and the configuration of things by name.
    ///
    /// ```json
    /// {
    ///   "defaults": { "circuitBreaker": { "break": "10s" } },
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
    }

    /// The configuration in force.
    public var configuration: Configuration { updates.withLock { $0.configuration } }

    /// Puts a configuration in force: retunes what there is, keeping its state, makes what only the document describes, and
    /// takes out what an earlier one described and this one does not. What the document does not mention goes back to what
    /// code declared.
    ///
    /// All or nothing: a document with a fault changes nothing. Calls that run are not disturbed; a policy whose layers
    /// change goes on with the old ones until its calls have ended. May be called at any time and from several tasks; the
    /// last to come stays in force.
    ///
    /// - Throws: All faults of the document, each with its path: `policies.payments.retry.maxAttempts: 0 is below 1`.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        let change = try ConfigurationPlan(configuration, for: self).change
        let isFirst = updates.withLock { updates in
            updates.waiting.append(change)
            defer { updates.isApplying = true }
            return !updates.isApplying
        }
        // Retuning a strategy delivers its events, so that it must not happen under a lock: whoever is first does the work
        // of all who come meanwhile.
        guard isFirst else { return }
        while let change = updates.withLock({ updates -> ConfigurationChange? in
            updates.isApplying = !updates.waiting.isEmpty
            return updates.waiting.isEmpty ? nil : updates.waiting.removeFirst()
        }) {
            apply(change)
        }
    }

    private func apply(_ change: ConfigurationChange) {
        for step in change.steps {
            do {
                try step()
            } catch {
                // Never: the plan has checked what it holds.
                events.post(.reloadFailed(module: name, error: error))
            }
        }
        updates.withLock { updates in
            updates.configuration = change.configuration
            events.post(.reloaded(module: name))
        }
        events.deliver()
    }

    /// Checks a configuration against what is registered, and changes nothing.
    ///
    /// - Throws: All faults, as ``update(_:)`` would.
    public func validate(_ configuration: Configuration) throws(ConfigurationError) {
        _ = try ConfigurationPlan(configuration, for: self)
    }

    /// Loads a configuration again and again while ``run()`` runs, and puts it in force where it has changed. One that
    /// cannot be loaded or has faults is reported as an event, and the one before stays in force.
    ///
    /// - Parameters:
    ///   - interval: How long to wait between two loads, on the module's clock. Less than 1 ms counts as 1 ms.
    ///   - load: Gives the configuration; `nil` if it has not changed. The first load happens at once.
    public func reload(
        every interval: Duration, _ load: @escaping @Sendable () async throws -> Configuration?
    ) {
        addJob { module in
            while !Task.isCancelled {
                await module.reload(load)
                let next = module.time.now.advanced(by: max(.milliseconds(1), interval))
                guard (try? await module.time.sleep(until: next)) != nil else { return }
            }
        }
    }

    /// Puts each configuration of a sequence in force while ``run()`` runs: those of a source that tells of changes.
    ///
    /// One with faults is reported as an event, and the one before stays in force. So does an error of the sequence, which
    /// ends it.
    public func reload<Updates: AsyncSequence & Sendable>(
        from updates: Updates
    ) where Updates.Element == Configuration {
        addJob { module in
            do {
                for try await configuration in updates { await module.reload { configuration } }
            } catch  where !(error is CancellationError) {
                module.events.post(.reloadFailed(module: module.name, error: error))
                module.events.deliver()
            } catch {}
        }
    }

    private func reload(_ load: @Sendable () async throws -> Configuration?) async {
        do {
            guard let configuration = try await load(), configuration != self.configuration else { return }
            try update(configuration)
        } catch  where !Task.isCancelled {
            events.post(.reloadFailed(module: name, error: error))
            events.deliver()
        } catch {}
    }

    // MARK: What a plan needs

    var documentEnvironment: DocumentEnvironment {
        let budgets = registry.withLock { registry in
            registry.all.compactMap { entry in (entry.component as? any AttemptBudget).map { (entry.name, $0) } }
        }
        return DocumentEnvironment(budgets: Dictionary(budgets) { $1 })
    }

    func addFromDocument(_ entry: Registry.Entry, _ type: any Any.Type) {
        registry.withLock { registry in
            guard registry.add(entry, type) else { return }
            events.post(.registered(module: name, kind: entry.kind.title, name: entry.name))
        }
    }

    func removeFromDocument(_ key: Registry.Key) {
        let removed = registry.withLock { registry in
            let entry = registry.remove(key)
            if let entry { events.post(.removed(module: name, kind: entry.kind.title, name: entry.name)) }
            return entry
        }
        _ = removed
    }

    /// Retunes what is made on first use by the defaults of the document in force.
    func applyDefaults(to entry: Registry.Entry) throws {
        let findings = Findings(documentEnvironment)
        let defaults = configuration.document["defaults"]
        let steps = (entry.managed?.declared.tunings ?? entry.tuning.map { [$0] } ?? []).compactMap { tuning in
            defaults?[tuning.key].flatMap { part in
                tuning.change(from: [ConfigurationReader(document: part, findings)], findings)
            }
        }
        try findings.finish()
        for step in steps { try step() }
    }

    func managed(_ policy: Policy, named name: String, tunings: [Tuning]? = nil) -> ManagedPolicy {
        ManagedPolicy(policy, tunings: tunings, gate: gate) { [module = self.name] in
            ShutdownError(module: module, policyName: name)
        }
    }
}
