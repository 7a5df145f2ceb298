extension ConfigurationReader {
    /// The whole of a document.
    package init(document: ConfigurationValue, _ findings: Findings) {
        self.init(document, path: "", field: "", depth: 0, findings)
    }

    /// The same place without some of its keys, which have been read already.
    package func without(_ keys: Set<String>) -> ConfigurationReader {
        guard case .object(let values) = value else { return self }
        return ConfigurationReader(
            .object(values.filter { !keys.contains($0.key) }), path: path, field: field, depth: depth, findings)
    }
}
