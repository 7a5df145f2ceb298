extension ConfigurationReader {
    /// The whole of a document.
    package init(document: ConfigurationValue, _ findings: Findings) {
        self.init(document, path: "", field: "", depth: 0, findings)
    }

    /// Notes what is wrong with the form of a part, where it is not known yet to what it will be added: it has to fit
    /// to one of several.
    package func checkForm<Part: DocumentRepresentable>(onto bases: [Part]) {
        for base in bases {
            let scratch = Findings(environment)
            var part = base
            part.read(ConfigurationReader(value, path: path, field: "", depth: depth, scratch))
            if scratch.faults.isEmpty { return }
        }
        guard var part = bases.first else { return }
        part.read(self)
    }

    /// The same place with some of its keys alone; `nil` if it has none of them.
    package func only(_ keys: Set<String>) -> ConfigurationReader? {
        guard case .object(let values) = value else { return nil }
        let some = values.filter { keys.contains($0.key) }
        guard !some.isEmpty else { return nil }
        return ConfigurationReader(.object(some), path: path, field: field, depth: depth, findings)
    }

    /// The same place without some of its keys, which have been read already.
    package func without(_ keys: Set<String>) -> ConfigurationReader {
        guard case .object(let values) = value else { return self }
        return ConfigurationReader(
            .object(values.filter { !keys.contains($0.key) }), path: path, field: field, depth: depth, findings)
    }
}
