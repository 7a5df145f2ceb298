internal import ResilienceCore

extension ConfigurationPlan {
    /// One layer of a policy that a document describes.
    struct PlannedLayer {
        let key: String
        let part: ConfigurationReader?
        let shared: (name: String, strategy: any Strategy)?
        /// Where the layer stands in the document.
        let place: ConfigurationReader

        var spec: ManagedPolicy.LayerSpec { ManagedPolicy.LayerSpec(key: key, shared: shared?.name) }
    }

    mutating func planPolicies(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                mentioned.insert(Registry.Key(kind: .policy, name: name))
                planPolicy(name, readTemplate(reader, keys: DocumentPatterns.layerKeys), reader)
            }
        }
    }

    private mutating func planPolicy(_ name: String, _ own: Template, _ reader: ConfigurationReader) {
        let entry = entries[Registry.Key(kind: .policy, name: name)]
        let inheritance = inheritance(own)
        guard let layers = inheritance.last(where: { $0.layers != nil })?.layers else {
            guard let managed = entry?.managed, let entry, entry.origin != .document else {
                refuseUnknown(.policy, name, reader, "; one that only the document describes needs layers")
                return
            }
            tune(managed.declared.tunings, entry.origin, inheritance)
            replace(managed, with: managed.declared)
            return
        }
        guard let planned = readLayers(layers) else { return }
        guard let entry, let managed = entry.managed else {
            if isOpen(for: .policy, name, reader) { planNewPolicy(name, planned, inheritance) }
            return
        }
        let declared = managed.declared
        if entry.origin != .document {
            let isDeclared =
                planned.allSatisfy { $0.shared == nil } && planned.map(\.key) == declared.tunings.map(\.key)
            let unknown = declared.policy.layers.first { $0.tuning == nil }
            if let unknown, !isDeclared {
                layers.refuse("cannot replace layers with one that documents do not know, \(unknown)")
                return
            }
            if isDeclared {
                tune(declared.tunings, entry.origin, inheritance, planned)
                replace(managed, with: declared)
                return
            }
        }
        guard let tunings = strategies(for: planned, named: name, reusing: managed.pipeline.tunings, inheritance) else {
            return
        }
        let list = LayerList(strategies: merged(tunings, planned))
        let pipeline = ManagedPolicy.Pipeline(
            Policy(declared.policy, layers: list), tunings.compactMap(\.self), specs: planned.map(\.spec))
        replace(managed, with: pipeline)
    }

    private mutating func planNewPolicy(_ name: String, _ planned: [PlannedLayer], _ inheritance: [Template]) {
        guard let tunings = strategies(for: planned, named: name, reusing: [], inheritance) else { return }
        let module = module
        let parts = module.parts(named: name, origin: .document)
        let list = LayerList(strategies: merged(tunings, planned))
        guard let policy = try? Policy(environment: parts.environment, layer: Layer(existing: list)) else { return }
        let (entry, managed) = parts.policy(described: policy, tunings.compactMap(\.self), planned.map(\.spec))
        made[entry.key] = managed
        add { _ = module.add([entry]) }
    }

    private func readLayers(_ reader: ConfigurationReader) -> [PlannedLayer]? {
        guard let elements = reader.elements() else { return nil }
        guard !elements.isEmpty else {
            reader.refuse("is empty; a policy has at least one layer")
            return nil
        }
        let planned = elements.map(readLayer)
        return planned.contains { $0 == nil } ? nil : planned.compactMap(\.self)
    }

    private func readLayer(_ reader: ConfigurationReader) -> PlannedLayer? {
        let known = DocumentPatterns.layerKeys
        guard case .object(let values) = reader.value else {
            guard let key = reader.text() else { return nil }
            guard known.contains(key) else {
                reader.refuse("is the key of no pattern\(NearMiss.question(for: key, among: known))")
                return nil
            }
            return PlannedLayer(key: key, part: nil, shared: nil, place: reader)
        }
        var layer: PlannedLayer?
        reader.object { object in
            guard values.count == 1, let key = object.oneOf(known), let part = object.reader(key) else {
                if values.count != 1 { reader.refuse("has to have one key, that of a pattern") }
                return
            }
            guard case .object(let values) = part.value, values.keys.contains("shared") else {
                layer = PlannedLayer(key: key, part: part, shared: nil, place: reader)
                return
            }
            part.object { object in
                guard let place = object.reader("shared"), let name = place.text() else { return }
                guard let pattern = DocumentPatterns.sharedByKey[key] else {
                    place.refuse("cannot be shared by a document: code alone says whose key a call has")
                    return
                }
                if let shared = sharedStrategy(pattern.kind, name) {
                    layer = PlannedLayer(key: key, part: nil, shared: (name, shared), place: reader)
                } else {
                    refuseUnknown(pattern.kind, name, place)
                }
            }
        }
        return layer
    }

    /// Something registered for itself, unless the document has it taken out by not describing it any more.
    private func sharedStrategy(_ kind: Kind, _ name: String) -> (any Strategy)? {
        let key = Registry.Key(kind: kind, name: name)
        if let new = made[key] { return new as? any Strategy }
        guard let entry = entries[key], entry.origin != .document || mentioned.contains(key) else { return nil }
        return entry.component as? any Strategy
    }

    /// The tunings of layers that a document describes, `nil` for shared ones: those of strategies that are there
    /// already, which keep what they know, or of new ones. Nothing at all if there are faults.
    private mutating func strategies(
        for planned: [PlannedLayer], named name: String, reusing pool: [Tuning], _ inheritance: [Template]
    ) -> [Tuning?]? {
        var pool = pool
        var indices: [String: Int] = [:]
        var tunings: [Tuning?] = []
        let before = findings.faults.count
        refuseStrayParts(of: inheritance, keys: planned.filter { $0.shared == nil }.map(\.key))
        for layer in planned {
            guard layer.shared == nil else {
                tunings.append(nil)
                continue
            }
            let index = indices[layer.key, default: 0]
            indices[layer.key] = index + 1
            let reused = pool.firstIndex { $0.key == layer.key }.map { pool.remove(at: $0) }
            let parts =
                parts(layer.key, index, inheritance, takesDefaults: reused?.takesDefaults ?? true)
                + (layer.part.map { [$0] } ?? [])
            if let reused {
                add(change(reused, from: parts))
                tunings.append(reused)
            } else if let pattern = DocumentPatterns.layersByKey[layer.key] {
                let new = pattern.made(from: parts, findings, in: module.environment(named: name))
                if let new { tunings.append(new.tuning) }
            } else {
                layer.place.refuse("is for a layer that only code can declare, and the policy has none")
            }
        }
        return findings.faults.count == before && tunings.count == planned.count ? tunings : nil
    }

    private func merged(_ tunings: [Tuning?], _ planned: [PlannedLayer]) -> [any Strategy] {
        zip(tunings, planned).compactMap { $0?.strategy ?? $1.shared?.strategy }
    }

    mutating func tune(
        _ tunings: [Tuning], _ origin: Registry.Origin, _ inheritance: [Template], _ planned: [PlannedLayer] = []
    ) {
        refuseStrayParts(of: inheritance, keys: tunings.map(\.key))
        var indices: [String: Int] = [:]
        for (position, tuning) in tunings.enumerated() {
            let index = indices[tuning.key, default: 0]
            indices[tuning.key] = index + 1
            let takesDefaults = tuning.takesDefaults || origin == .firstUse
            var parts = parts(tuning.key, index, inheritance, takesDefaults: takesDefaults)
            if planned.indices.contains(position), let part = planned[position].part { parts.append(part) }
            add(change(tuning, from: parts))
        }
    }

    /// What is said about the `index`th layer of a pattern, the most general first.
    func parts(
        _ key: String, _ index: Int, _ inheritance: [Template], takesDefaults: Bool
    ) -> [ConfigurationReader] {
        let said = inheritance.compactMap { template -> ConfigurationReader? in
            guard let part = template.parts[key] else { return nil }
            // What is not a list is for every layer of the pattern.
            guard case .array(let values) = part.value else { return part }
            guard values.indices.contains(index), values[index] != .null else { return nil }
            return part.asList()[index]
        }
        return (takesDefaults ? defaults[key].map { [$0] } ?? [] : []) + said
    }

    /// Notes what a policy says about layers it does not have. What it inherits may be meant for others.
    func refuseStrayParts(of inheritance: [Template], keys: [String]) {
        guard let own = inheritance.last else { return }
        for (key, part) in own.parts.sorted(by: { $0.key < $1.key }) {
            let count = keys.count { $0 == key }
            if case .array = part.value {
                let list = part.asList()
                guard list.count > count else { continue }
                list[count].refuse("is for a layer that the policy does not have; of this pattern it has \(count)")
            } else if count > 1 {
                part.refuse("is for one layer, of which the policy has \(count); write a list, null for what stays")
            } else if count == 0 {
                let layers = keys.isEmpty ? "none that documents know" : keys.joined(separator: ", ")
                part.refuse("is for a layer that the policy does not have; it has \(layers)")
            }
        }
    }
}
