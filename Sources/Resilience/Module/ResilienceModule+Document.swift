internal import ResilienceCore

extension ResilienceModule {
    /// A document that describes everything as it is in force now: what code declared, what the configuration changed, and
    /// the defaults that hold where neither says anything.
    ///
    /// Put in force, it changes nothing. Functions, such as a condition on errors, are left out. For a page, for comparing
    /// two processes, and as a start for a document of your own.
    public var effectiveConfiguration: Configuration {
        let names = documentEnvironment
        var sections: [String: [String: ConfigurationValue]] = [:]
        for entry in registry.withLock({ $0.all }) {
            guard let section = entry.kind.section else { continue }
            let document = entry.managed.map { $0.pipeline.document(in: names) } ?? entry.document(in: names)
            if let document { sections[section, default: [:]][entry.name] = document }
        }
        return Configuration(.object(sections.mapValues { .object($0) }))
    }
}

extension ManagedPolicy.Pipeline {
    /// The layers that a document described as a list of layers; those of code by their keys.
    fileprivate func document(in names: DocumentEnvironment) -> ConfigurationValue {
        guard let form else { return .parts(tunings.map { ($0.key, $0.document(in: names)) }) }
        var rest = tunings[...]
        return [
            "layers": .array(
                form.map { layer in
                    if let shared = layer.shared { return .layer(layer.key, ["shared": .string(shared)]) }
                    return .layer(layer.key, rest.popFirst()?.document(in: names) ?? [:])
                })
        ]
    }
}

extension ConfigurationValue {
    fileprivate static func layer(_ key: String, _ value: ConfigurationValue) -> ConfigurationValue {
        .object([key: value])
    }
}
