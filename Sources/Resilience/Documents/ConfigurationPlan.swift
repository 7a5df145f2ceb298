internal import ResilienceCore

/// What puts a configuration document in force.
struct ConfigurationChange: Sendable {
    var configuration: ResilienceModule.Configuration
    /// The version of the registry for which it was worked out.
    let version: Int
    /// Whether it is the configuration that is in force already, for what is new.
    var isSilent = false
    /// In order. None of them fails: what could has been checked.
    fileprivate(set) var steps: [Tuning.Step] = []
}

/// Works out what a configuration document changes in a module, completely before anything is changed.
struct ConfigurationPlan {
    private(set) var change: ConfigurationChange

    let module: ResilienceModule
    let entries: [Registry.Key: Registry.Entry]
    let findings: Findings
    var defaults: [String: ConfigurationReader] = [:]
    var templates: [String: Template] = [:]
    /// What this document describes for the first time, so that policies can share it.
    var made: [Registry.Key: any Sendable] = [:]
    /// What this document says something about.
    var mentioned: Set<Registry.Key> = []

    /// What is registered for itself: of what several share, that is where it is configured.
    let registered: Set<ObjectIdentifier>

    /// What is registered for itself, and of which this document says something where it is a layer.
    private var notedAsLayer: Set<ObjectIdentifier> = []

    private let order: [Registry.Key]

    /// - Throws: All faults of the document.
    init(_ configuration: ResilienceModule.Configuration, for module: ResilienceModule) throws(ConfigurationError) {
        let registry = module.registry.withLock { $0 }
        change = ConfigurationChange(configuration: configuration, version: registry.version)
        self.module = module
        (entries, order) = (registry.entries, registry.order)
        registered = Set(registry.entries.values.compactMap { $0.tuning?.identity })
        findings = Findings(module.documentEnvironment)
        var sections: [String: ConfigurationReader] = [:]
        ConfigurationReader(document: configuration.document, findings).object { object in
            for key in ["defaults", "templates"] + Self.sections { sections[key] = object.reader(key) }
        }
        if let reader = sections["defaults"] { readDefaults(reader) }
        if let reader = sections["templates"] { readTemplates(reader) }
        // First what policies can share; then policies; then what goes around them.
        for pattern in DocumentPatterns.described { pattern.plan(sections, in: &self) }
        if let reader = sections.section(of: .policy) { planPolicies(reader) }
        for pattern in DocumentPatterns.declared { pattern.plan(sections, in: &self) }
        if let reader = sections.section(of: .family) { planFamilies(reader) }
        planRest()
        for key in order { entries[key]?.family?.checkRelation(key.name, findings) }
        try findings.finish()
    }

    private static let sections: [String] =
        (Kind.layered + KnownPattern.types.map { $0.kind }).compactMap(\.section)

    /// What puts in force what is said about a layer. Where nothing is, a layer that is registered for itself is left
    /// to what is said about it there.
    mutating func change(_ tuning: Tuning, from parts: [ConfigurationReader]) -> Tuning.Step? {
        if parts.isEmpty && registered.contains(tuning.identity) { return nil }
        note(tuning.identity)
        return tuning.change(from: parts, findings)
    }

    /// Notes that a layer is spoken of, which does not go back to what code declared then.
    mutating func note(_ layer: ObjectIdentifier) {
        if registered.contains(layer) { notedAsLayer.insert(layer) }
    }

    mutating func add(_ step: Tuning.Step?) {
        if let step { change.steps.append(step) }
    }

    /// The names of what is registered, or described by this document, of a kind.
    func names(of kind: Kind) -> [String] {
        entries.values.filter { $0.kind == kind }.map(\.name) + made.keys.filter { $0.kind == kind }.map(\.name)
    }

    /// Whether a document may describe something that is not registered.
    func isOpen(for kind: Kind, _ name: String, _ reader: ConfigurationReader) -> Bool {
        guard module.options.firstUse == .refuses else { return true }
        refuseUnknown(kind, name, reader)
        return false
    }

    func refuseUnknown(_ kind: Kind, _ name: String, _ reader: ConfigurationReader, _ hint: String = "") {
        let question = NearMiss.question(for: name, among: names(of: kind))
        reader.refuse("is for a \(kind.title) that is not registered\(question)\(hint)")
    }

    /// What the document does not mention goes back to what code declared; what only a document described goes.
    private mutating func planRest() {
        let module = module
        for key in order where !mentioned.contains(key) {
            guard let entry = entries[key] else { continue }
            if entry.origin == .document {
                add { module.removeEntry(key) }
            } else if let managed = entry.managed {
                tune(managed.declared.tunings, entry.origin, [])
                replace(managed, with: managed.declared)
            } else if let family = entry.family {
                add(family.change(from: [], bounds: nil, registered, findings))
            } else if let tuning = entry.tuning, !notedAsLayer.contains(tuning.identity) {
                add(tuning.change(from: base(of: entry), findings))
            }
        }
    }

    /// The defaults, for what code did not declare.
    func base(of entry: Registry.Entry) -> [ConfigurationReader] {
        guard entry.origin != .code, let tuning = entry.tuning else { return [] }
        return defaults[tuning.key].map { [$0] } ?? []
    }

    mutating func replace(_ managed: ManagedPolicy, with pipeline: ManagedPolicy.Pipeline) {
        let module = module
        add {
            // Noted first: what is in force and noted counts once, what is neither not at all.
            module.history.note(managed.layersLeaving(for: pipeline).map { ($0, "") })
            managed.pipeline.recordAtEnd(module.history)
            managed.replace(with: pipeline)
        }
    }
}

extension [String: ConfigurationReader] {
    func section(of kind: Kind) -> ConfigurationReader? { kind.section.flatMap { self[$0] } }
}
