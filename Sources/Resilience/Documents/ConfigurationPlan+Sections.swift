internal import Hedges
internal import ResilienceCore

extension ConfigurationPlan {
    // MARK: Patterns registered for themselves

    mutating func planSection<P: Pattern>(_ type: P.Type, _ sections: [String: ConfigurationReader]) {
        guard let reader = sections.section(of: P.kind) else { return }
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                plan(type, name, reader)
            }
        }
    }

    private mutating func plan<P: Pattern>(_ type: P.Type, _ name: String, _ reader: ConfigurationReader) {
        let key = Registry.Key(kind: P.kind, name: name)
        mentioned.insert(key)
        let parts = partsOfSection(P.documentKey, reader)
        if let entry = entries[key] {
            guard let tuning = entry.tuning else { return }
            add(tuning.change(from: base(of: entry) + parts, findings))
        } else if isOpen(for: P.kind, name, reader) {
            let all = (defaults[P.documentKey].map { [$0] } ?? []) + parts
            let module = module
            let environment = module.parts(named: name, origin: .document)
            guard let new = P.made(from: all, findings, in: environment.environment) else { return }
            made[key] = new.component
            if let budget = new.component as? any AttemptBudget { findings.environment.budgets[name] = budget }
            let entry = environment.entry(P.kind, new.component, tuning: new.tuning)
            add { _ = module.add([entry]) }
        }
    }

    // MARK: What only code can make

    mutating func planTunables(_ form: TunableForm, _ sections: [String: ConfigurationReader]) {
        guard form.kind != .hedge, let reader = sections.section(of: form.kind) else { return }
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                let key = Registry.Key(kind: form.kind, name: name)
                mentioned.insert(key)
                guard let entry = entries[key], let tuning = entry.tuning else {
                    refuseUnknown(form.kind, name, reader, "; only code can declare one")
                    continue
                }
                add(tuning.change(from: base(of: entry) + partsOfSection(form.key, reader), findings))
            }
        }
    }

    // MARK: Hedges

    mutating func planHedges(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                planHedge(name, reader)
            }
        }
    }

    private mutating func planHedge(_ name: String, _ reader: ConfigurationReader) {
        let key = Registry.Key(kind: .hedge, name: name)
        let documentKey = Hedge.Configuration.documentKey
        mentioned.insert(key)
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

    // MARK: Families

    mutating func planFamilies(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                let key = Registry.Key(kind: .family, name: name)
                mentioned.insert(key)
                guard let family = entries[key]?.family else {
                    refuseUnknown(.family, name, reader, "; only code can declare one")
                    continue
                }
                let own = readTemplate(reader, keys: DocumentPatterns.layerKeys)
                let lineage = lineage(own)
                own.layers?.refuse("cannot replace the layers of a policy family")
                refuseStrayParts(of: lineage, keys: family.keys)
                var indices: [String: Int] = [:]
                let parts = family.keys.map { key in
                    let index = indices[key, default: 0]
                    indices[key] = index + 1
                    return self.parts(key, index, lineage, takesDefaults: false)
                }
                for (layer, parts) in zip(family.layerIdentities, parts) where !parts.isEmpty { tell(layer) }
                add(family.change(from: parts, registered, findings))
            }
        }
    }
}
