internal import ResilienceCore

/// What puts a configuration document in force.
struct ConfigurationChange: Sendable {
    let configuration: ResilienceModule.Configuration
    /// In order. None of them fails: what could has been checked.
    fileprivate(set) var steps: [@Sendable () throws -> Void] = []
}

/// Works out what a configuration document changes in a module, completely before anything is changed.
struct ConfigurationPlan {
    private(set) var change: ConfigurationChange

    private let module: ResilienceModule
    private let entries: [Registry.Key: Registry.Entry]
    private let order: [Registry.Key]
    private let findings: Findings
    private var defaults: [String: ConfigurationReader] = [:]
    private var templates: [String: Template] = [:]
    /// Strategies that this document describes for the first time, for policies that share them.
    private var made: [Registry.Key: any Strategy] = [:]
    private var mentioned: Set<Registry.Key> = []

    /// Parts of configurations, as a template or a policy holds them.
    private struct Template {
        var parents: [(name: String, place: ConfigurationReader)] = []
        var parts: [String: ConfigurationReader] = [:]
        var layers: ConfigurationReader?
    }

    /// One layer of a policy that a document describes.
    private struct Item {
        let key: String
        let part: ConfigurationReader?
        let shared: (any Strategy)?
    }

    /// - Throws: All faults of the document.
    init(_ configuration: ResilienceModule.Configuration, for module: ResilienceModule) throws(ConfigurationError) {
        change = ConfigurationChange(configuration: configuration)
        self.module = module
        (entries, order) = module.registry.withLock { ($0.entries, $0.order) }
        findings = Findings(module.documentEnvironment)
        var root: (sections: [(any Pattern.Type, ConfigurationReader)], policies: ConfigurationReader?) = ([], nil)
        ConfigurationReader(document: configuration.document, findings).object { object in
            if let reader = object.reader("defaults") { readDefaults(reader) }
            if let reader = object.reader("templates") { readTemplates(reader) }
            for pattern in DocumentPatterns.all {
                guard let section = pattern.kind.section, let reader = object.reader(section) else { continue }
                root.sections.append((pattern, reader))
            }
            root.policies = object.reader(Kind.policy.section ?? "")
        }
        for (pattern, reader) in root.sections { planSection(pattern, reader) }
        if let policies = root.policies { planPolicies(policies) }
        planRest()
        // What several inherit is reported once.
        var seen: Set<ConfigurationError.Fault> = []
        if let error = ConfigurationError(findings.faults.filter { seen.insert($0).inserted }) { throw error }
    }

    // MARK: Defaults and templates

    private mutating func readDefaults(_ reader: ConfigurationReader) {
        reader.object { object in
            for pattern in DocumentPatterns.all {
                guard let part = object.reader(pattern.documentKey) else { continue }
                defaults[pattern.documentKey] = part
                // Complete by themselves, unlike the parts of a template.
                _ = pattern.made(from: [part], findings, in: PolicyEnvironment())
            }
        }
    }

    private mutating func readTemplates(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                let template = readTemplate(reader)
                templates[name] = template
                for (key, part) in template.parts.sorted(by: { $0.key < $1.key }) {
                    for part in part.asList() { DocumentPatterns.byKey[key]?.checkForm(part) }
                }
            }
        }
        for name in templates.keys.sorted() { _ = lineage(templates[name] ?? Template(), from: [name]) }
    }

    private func readTemplate(_ reader: ConfigurationReader) -> Template {
        var template = Template()
        reader.object { object in
            template.parents = object.reader("inherits").map(names) ?? []
            template.layers = object.reader("layers")
            for key in DocumentPatterns.byKey.keys.sorted() {
                template.parts[key] = object.reader(key)
            }
        }
        return template
    }

    private func names(_ reader: ConfigurationReader) -> [(name: String, place: ConfigurationReader)] {
        let places: [ConfigurationReader] =
            if case .array = reader.value { reader.elements() ?? [] } else { [reader] }
        return places.compactMap { place in place.text().map { ($0, place) } }
    }

    /// A template after all that it inherits from, the most general first.
    private func lineage(_ template: Template, from descendants: [String] = []) -> [Template] {
        template.parents.flatMap { name, place -> [Template] in
            guard let parent = templates[name] else {
                place.refuse("is the name of no template\(NearMiss.question(for: name, among: templates.keys))")
                return []
            }
            guard !descendants.contains(name) else {
                place.refuse("inherits from itself")
                return []
            }
            return lineage(parent, from: descendants + [name])
        } + [template]
    }

    // MARK: Patterns registered for themselves

    private mutating func planSection<P: Pattern>(_ type: P.Type, _ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                plan(type, name, reader)
            }
        }
    }

    private mutating func plan<P: Pattern>(_ type: P.Type, _ name: String, _ reader: ConfigurationReader) {
        let key = Registry.Key(type: ObjectIdentifier(type), name: name)
        mentioned.insert(key)
        var own = Template()
        if case .object = reader.value {
            reader.object { object in
                own.parents = object.reader("inherits").map(names) ?? []
                // The rest is the pattern's own affair.
                for key in object.keys { _ = object.reader(key) }
            }
        }
        let inherited = lineage(own).compactMap { $0.parts[P.documentKey] }.compactMap { $0.asList().first }
        let parts = inherited + [reader.without(["inherits"])]
        if let entry = entries[key], let tuning = entry.tuning {
            add(tuning.change(from: base(of: entry, P.documentKey) + parts, findings))
        } else if isOpenFor(reader, P.kind, name, among: entries.values.filter { $0.kind == P.kind }.map(\.name)) {
            let module = module
            let all = (defaults[P.documentKey].map { [$0] } ?? []) + parts
            guard let new = P.made(from: all, findings, in: module.environment(named: name)) else { return }
            made[key] = new.strategy
            let entry = Registry.Entry(
                name: name, kind: P.kind, component: new.strategy, isCritical: false, managed: nil, tuning: new.tuning,
                origin: .document)
            change.steps.append { module.addFromDocument(entry, type) }
        }
    }

    /// The defaults, for what code did not declare.
    private func base(of entry: Registry.Entry, _ key: String) -> [ConfigurationReader] {
        entry.origin == .code ? [] : defaults[key].map { [$0] } ?? []
    }

    /// Whether a document may describe something that is not registered.
    private func isOpenFor(
        _ reader: ConfigurationReader, _ kind: Kind, _ name: String, among known: [String]
    ) -> Bool {
        guard module.options.firstUse == .refuses else { return true }
        reader.refuse("is for a \(kind.title) that is not registered\(NearMiss.question(for: name, among: known))")
        return false
    }

    // MARK: Policies

    private mutating func planPolicies(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                mentioned.insert(Registry.Key(type: ObjectIdentifier(Policy.self), name: name))
                planPolicy(name, readTemplate(reader), reader)
            }
        }
    }

    private mutating func planPolicy(_ name: String, _ own: Template, _ reader: ConfigurationReader) {
        let entry = entries[Registry.Key(type: ObjectIdentifier(Policy.self), name: name)]
        let lineage = lineage(own)
        guard let layers = lineage.last(where: { $0.layers != nil })?.layers else {
            guard let managed = entry?.managed, let entry, entry.origin != .document else {
                let question = NearMiss.question(for: name, among: policyNames)
                reader.refuse(
                    "is for a policy that is not registered\(question); one that only the document describes needs layers"
                )
                return
            }
            tune(managed.declared.tunings, entry.origin, lineage)
            replace(managed, with: managed.declared)
            return
        }
        guard let items = readItems(layers) else { return }
        guard let entry, let managed = entry.managed else {
            guard isOpenFor(reader, .policy, name, among: policyNames) else { return }
            planNewPolicy(name, items, lineage)
            return
        }
        let declared = managed.declared
        if entry.origin != .document {
            let isDeclared = items.allSatisfy { $0.shared == nil } && items.map(\.key) == declared.tunings.map(\.key)
            let unknown = declared.policy.layers.first { !($0.strategy is any Pattern) }
            if let unknown, !isDeclared || declared.policy.layers.count != items.count {
                layers.refuse("cannot replace layers with one that documents do not know, \(unknown)")
                return
            }
            if isDeclared {
                tune(declared.tunings, entry.origin, lineage, items)
                replace(managed, with: declared)
                return
            }
        }
        guard let tunings = strategies(for: items, named: name, reusing: managed.pipeline.tunings, lineage) else {
            return
        }
        replace(managed, with: pipeline(tunings, items, basedOn: declared.policy))
    }

    private var policyNames: [String] { entries.values.filter { $0.kind == .policy }.map(\.name) }

    private mutating func planNewPolicy(_ name: String, _ items: [Item], _ lineage: [Template]) {
        guard let tunings = strategies(for: items, named: name, reusing: [], lineage) else { return }
        let module = module
        let list = LayerList(strategies: merged(tunings, items))
        guard let policy = try? Policy(environment: module.environment(named: name), layer: Layer(existing: list))
        else {
            return
        }
        let managed = module.managed(policy, named: name, tunings: tunings.compactMap(\.self))
        let entry = Registry.Entry(
            name: name, kind: .policy, component: Policy(policy, layers: managed), isCritical: false, managed: managed,
            tuning: nil, origin: .document)
        change.steps.append { module.addFromDocument(entry, Policy.self) }
    }

    private func readItems(_ reader: ConfigurationReader) -> [Item]? {
        guard let elements = reader.elements() else { return nil }
        guard !elements.isEmpty else {
            reader.refuse("is empty; a policy has at least one layer")
            return nil
        }
        let items = elements.map(readItem)
        return items.contains { $0 == nil } ? nil : items.compactMap(\.self)
    }

    private func readItem(_ reader: ConfigurationReader) -> Item? {
        let known = DocumentPatterns.byKey.keys.sorted()
        guard case .object(let values) = reader.value else {
            guard let key = reader.text() else { return nil }
            guard known.contains(key) else {
                reader.refuse("is the key of no pattern\(NearMiss.question(for: key, among: known))")
                return nil
            }
            return Item(key: key, part: nil, shared: nil)
        }
        var item: Item?
        reader.object { object in
            guard values.count == 1, let key = object.oneOf(known), let part = object.reader(key) else {
                if values.count != 1 { reader.refuse("has to have one key, that of a pattern") }
                return
            }
            guard case .object(let values) = part.value, values.keys.contains("shared") else {
                item = Item(key: key, part: part, shared: nil)
                return
            }
            part.object { object in
                guard let name = object.reader("shared")?.text(), let pattern = DocumentPatterns.byKey[key] else {
                    return
                }
                if let shared = sharedStrategy(pattern, name) {
                    item = Item(key: key, part: nil, shared: shared)
                } else {
                    let known = entries.values.filter { $0.kind == pattern.kind }.map(\.name)
                    object.reader.refuse(
                        "is for a \(pattern.kind.title) that is not registered\(NearMiss.question(for: name, among: known))"
                    )
                }
            }
        }
        return item
    }

    private func sharedStrategy<P: Pattern>(_ type: P.Type, _ name: String) -> (any Strategy)? {
        let key = Registry.Key(type: ObjectIdentifier(type), name: name)
        return made[key] ?? entries[key]?.component as? any Strategy
    }

    /// The tunings of layers that a document describes, `nil` for shared ones: those of strategies that are there
    /// already, which keep what they know, or of new ones. Nothing at all if there are faults.
    private mutating func strategies(
        for items: [Item], named name: String, reusing pool: [Tuning], _ lineage: [Template]
    ) -> [Tuning?]? {
        var pool = pool
        var indices: [String: Int] = [:]
        var tunings: [Tuning?] = []
        let before = findings.faults.count
        refuseStrayParts(of: lineage, keys: items.map(\.key))
        for item in items {
            guard item.shared == nil else {
                tunings.append(nil)
                continue
            }
            let index = indices[item.key, default: 0]
            indices[item.key] = index + 1
            let reused = pool.firstIndex { $0.key == item.key }.map { pool.remove(at: $0) }
            let parts =
                parts(item.key, index, lineage, takesDefaults: reused?.takesDefaults ?? true)
                + (item.part.map { [$0] } ?? [])
            if let reused {
                add(reused.change(from: parts, findings))
                tunings.append(reused)
            } else if let new = DocumentPatterns.byKey[item.key]?.made(
                from: parts, findings, in: module.environment(named: name))
            {
                tunings.append(new.tuning)
            }
        }
        return findings.faults.count == before ? tunings : nil
    }

    private func merged(_ tunings: [Tuning?], _ items: [Item]) -> [any Strategy] {
        zip(tunings, items).compactMap { $0?.strategy ?? $1.shared }
    }

    private func pipeline(_ tunings: [Tuning?], _ items: [Item], basedOn policy: Policy) -> ManagedPolicy.Pipeline {
        ManagedPolicy.Pipeline(
            policy: Policy(policy, layers: LayerList(strategies: merged(tunings, items))),
            tunings: tunings.compactMap(\.self))
    }

    private mutating func tune(
        _ tunings: [Tuning], _ origin: Registry.Origin, _ lineage: [Template], _ items: [Item] = []
    ) {
        refuseStrayParts(of: lineage, keys: tunings.map(\.key))
        var indices: [String: Int] = [:]
        for (position, tuning) in tunings.enumerated() {
            let index = indices[tuning.key, default: 0]
            indices[tuning.key] = index + 1
            let takesDefaults = tuning.takesDefaults || origin == .firstUse
            var parts = parts(tuning.key, index, lineage, takesDefaults: takesDefaults)
            if items.indices.contains(position), let part = items[position].part { parts.append(part) }
            add(tuning.change(from: parts, findings))
        }
    }

    /// What is said about the `index`th layer of a pattern, the most general first.
    private func parts(
        _ key: String, _ index: Int, _ lineage: [Template], takesDefaults: Bool
    ) -> [ConfigurationReader] {
        let said = lineage.compactMap { template -> ConfigurationReader? in
            guard let list = template.parts[key]?.asList() else { return nil }
            return list.indices.contains(index) ? list[index] : nil
        }
        return (takesDefaults ? defaults[key].map { [$0] } ?? [] : []) + said
    }

    /// Notes what a policy says about layers it does not have. What it inherits may be meant for others.
    private func refuseStrayParts(of lineage: [Template], keys: [String]) {
        guard let own = lineage.last else { return }
        for (key, part) in own.parts.sorted(by: { $0.key < $1.key }) {
            let count = keys.count { $0 == key }
            let list = part.asList()
            if count == 0 {
                let layers = keys.isEmpty ? "none that documents know" : keys.joined(separator: ", ")
                part.refuse("is for a layer that the policy does not have; it has \(layers)")
            } else if list.count > count {
                list[count].refuse("is for a layer that the policy does not have; of this pattern it has \(count)")
            }
        }
    }

    private mutating func replace(_ managed: ManagedPolicy, with pipeline: ManagedPolicy.Pipeline) {
        change.steps.append { managed.replace(with: pipeline) }
    }

    private mutating func add(_ step: (@Sendable () throws -> Void)?) {
        if let step { change.steps.append(step) }
    }

    // MARK: The rest

    /// What the document does not mention goes back to what code declared; what only a document described goes.
    private mutating func planRest() {
        let module = module
        for key in order where !mentioned.contains(key) {
            guard let entry = entries[key] else { continue }
            if entry.origin == .document {
                change.steps.append { module.removeFromDocument(key) }
            } else if let managed = entry.managed {
                tune(managed.declared.tunings, entry.origin, [])
                replace(managed, with: managed.declared)
            } else if let tuning = entry.tuning {
                add(tuning.change(from: base(of: entry, tuning.key), findings))
            }
        }
    }
}

extension ConfigurationReader {
    /// The elements of a list, or the value itself if it is none.
    fileprivate func asList() -> [ConfigurationReader] {
        guard case .array = value else { return [self] }
        return elements() ?? []
    }
}
