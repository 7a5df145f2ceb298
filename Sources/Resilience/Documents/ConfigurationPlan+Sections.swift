internal import ResilienceCore

extension ConfigurationPlan {
    // MARK: Patterns registered for themselves

    /// Works out a section by the names in it.
    mutating func forEachName(
        in kind: Kind, _ sections: [String: ConfigurationReader],
        _ body: (inout ConfigurationPlan, String, ConfigurationReader) -> Void
    ) {
        sections.section(of: kind)?.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                mentioned.insert(Registry.Key(kind: kind, name: name))
                body(&self, name, reader)
            }
        }
    }

    /// A section of something that a document alone can describe.
    mutating func planDescribed<P: Pattern>(_ type: P.Type, _ sections: [String: ConfigurationReader]) {
        forEachName(in: P.kind, sections) { plan, name, reader in plan.planDescribed(type, name, reader) }
    }

    private mutating func planDescribed<P: Pattern>(_ type: P.Type, _ name: String, _ reader: ConfigurationReader) {
        let key = Registry.Key(kind: P.kind, name: name)
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

    /// A section of something that only code can make.
    mutating func planDeclared<T: Tunable>(_ type: T.Type, _ sections: [String: ConfigurationReader]) {
        forEachName(in: T.kind, sections) { plan, name, reader in
            guard let entry = plan.entries[Registry.Key(kind: T.kind, name: name)], let tuning = entry.tuning else {
                plan.refuseUnknown(T.kind, name, reader, "; register it in code first")
                return
            }
            let parts = plan.base(of: entry) + plan.partsOfSection(T.documentKey, reader)
            plan.add(tuning.change(from: parts, plan.findings))
        }
    }

    // MARK: Families

    mutating func planFamilies(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                let key = Registry.Key(kind: .family, name: name)
                mentioned.insert(key)
                guard let family = entries[key]?.family else {
                    refuseUnknown(.family, name, reader, "; register it in code first")
                    continue
                }
                let own = readTemplate(reader.without(FamilyBounds.keys), keys: DocumentPatterns.layerKeys)
                let inheritance = inheritance(own)
                own.layers?.refuse("cannot replace the layers of a policy family")
                refuseStrayParts(of: inheritance, keys: family.keys)
                var indices: [String: Int] = [:]
                let parts = family.keys.map { key in
                    let index = indices[key, default: 0]
                    indices[key] = index + 1
                    return self.parts(key, index, inheritance, takesDefaults: false)
                }
                for (layer, parts) in zip(family.layerIdentities, parts) where !parts.isEmpty { note(layer) }
                add(family.change(from: parts, bounds: reader.only(FamilyBounds.keys), registered, findings))
            }
        }
    }
}
