internal import ResilienceCore

extension ConfigurationPlan {
    /// Parts of configurations, as a template or a policy holds them.
    struct Template {
        var parents: [(name: String, place: ConfigurationReader)] = []
        var parts: [String: ConfigurationReader] = [:]
        var layers: ConfigurationReader?
    }

    /// How long a line of ancestors can be.
    private static let maximumGenerations = 32

    mutating func readDefaults(_ reader: ConfigurationReader) {
        reader.object { object in
            for key in DocumentPatterns.defaultKeys {
                guard let part = object.reader(key) else { continue }
                defaults[key] = part
                DocumentPatterns.checkForm(key, part)
            }
            // Complete by themselves, unlike the parts of a template.
            for pattern in DocumentPatterns.described where pattern.hasDefaults {
                guard let part = defaults[pattern.documentKey] else { continue }
                _ = pattern.made(from: [part], findings, in: PolicyEnvironment())
            }
        }
    }

    mutating func readTemplates(_ reader: ConfigurationReader) {
        reader.object { object in
            for name in object.keys {
                guard let reader = object.reader(name) else { continue }
                let template = readTemplate(reader, keys: DocumentPatterns.keys)
                templates[name] = template
                for (key, part) in template.parts.sorted(by: { $0.key < $1.key }) {
                    for part in part.asList() where !part.isNull { DocumentPatterns.checkForm(key, part) }
                }
            }
        }
        for name in templates.keys.sorted() { _ = inheritance(templates[name] ?? Template(), from: [name]) }
    }

    /// Reads what a template or a policy holds.
    ///
    /// - Parameter keys: Those of the parts that it may hold.
    func readTemplate(_ reader: ConfigurationReader, keys: [String]) -> Template {
        var template = Template()
        reader.object { object in
            template.parents = object.reader("inherits").map(names) ?? []
            template.layers = object.reader("layers")
            for key in keys { template.parts[key] = object.reader(key) }
        }
        return template
    }

    private func names(_ reader: ConfigurationReader) -> [(name: String, place: ConfigurationReader)] {
        let places: [ConfigurationReader] =
            if case .array = reader.value { reader.elements() ?? [] } else { [reader] }
        return places.compactMap { place in place.text().map { ($0, place) } }
    }

    /// A template after all that it inherits from, the most general first, each once.
    func inheritance(_ template: Template, from descendants: [String] = []) -> [Template] {
        var seen: Set<String> = []
        return inheritance(template, descendants, &seen) + [template]
    }

    private func inheritance(_ template: Template, _ descendants: [String], _ seen: inout Set<String>) -> [Template] {
        var ancestors: [Template] = []
        for (name, place) in template.parents {
            guard let parent = templates[name] else {
                place.refuse("is the name of no template\(NearMiss.question(for: name, among: templates.keys))")
                continue
            }
            guard !descendants.contains(name) else {
                place.refuse("inherits from itself")
                continue
            }
            guard descendants.count < Self.maximumGenerations else {
                place.refuse("is more than \(Self.maximumGenerations) generations away")
                continue
            }
            // Of one that several inherit from, the first place counts. Otherwise a short document could name it
            // exponentially often.
            guard seen.insert(name).inserted else { continue }
            ancestors += inheritance(parent, descendants + [name], &seen) + [parent]
        }
        return ancestors
    }

    /// What something registered by itself inherits, with its own part last.
    func partsOfSection(_ key: String, _ reader: ConfigurationReader) -> [ConfigurationReader] {
        var own = Template()
        if case .object = reader.value {
            reader.object { object in
                own.parents = object.reader("inherits").map(names) ?? []
                // The rest is the pattern's own affair.
                for key in object.keys { _ = object.reader(key) }
            }
        }
        let inherited = inheritance(own).compactMap { $0.parts[key] }.compactMap { $0.asList().first }
        return inherited + [reader.without(["inherits"])]
    }
}

extension ConfigurationReader {
    /// The elements of a list, or the value itself if it is none.
    func asList() -> [ConfigurationReader] {
        guard case .array = value else { return [self] }
        return elements() ?? []
    }
}
