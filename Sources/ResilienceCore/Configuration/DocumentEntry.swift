/// One entry of a document, such as a policy, with the named defaults that it inherits from.
///
/// `"inherit": "careful"`, or a list of names, of which the later override the earlier; what stands in the entry itself
/// overrides them all. Defaults can inherit from others. Each is read where it stands, so that a fault of a default is
/// reported there, and once.
package struct DocumentEntry {
    /// From the most distant ancestor to the entry itself.
    private var layers: [ConfigurationReader.Object] = []
    private let findings: Findings

    /// How long a line of ancestors can be.
    package static let maximumGenerations = 32

    /// - Parameters:
    ///   - entry: The entry, an object.
    ///   - path: Where it stands.
    ///   - defaults: The named defaults.
    ///   - defaultsPath: Where they stand.
    package init(
        _ entry: ConfigurationValue, at path: String, defaults: [String: ConfigurationValue] = [:],
        defaultsPath: String = "defaults", _ findings: Findings
    ) {
        self.findings = findings
        var lineage = Lineage(defaults: defaults, path: defaultsPath, findings: findings)
        lineage.add(entry, at: path, descendants: [])
        layers = lineage.layers
    }

    /// Whether there is a value for a key: `null` takes away what is inherited.
    package func has(_ key: String) -> Bool {
        layers.last { $0.has(key) }.map { $0.reader.value[key] != .null } ?? false
    }

    /// Reads what stands under a key, here and in the defaults, onto a configuration, and checks it.
    ///
    /// - Returns: Whether there was no fault. The configuration is changed only then.
    @discardableResult
    package mutating func read<Part: DocumentRepresentable>(
        _ key: String = Part.documentKey, onto value: inout Part
    ) -> Bool {
        var readers: [ConfigurationReader] = []
        for index in layers.indices {
            guard let reader = layers[index].reader(key) else { continue }
            if reader.isNull { readers = [] } else { readers.append(reader) }
        }
        return readers.isEmpty || findings.read(readers, onto: &value)
    }

    /// The reader of a key that is no configuration of its own, from whichever layer says something last.
    package mutating func reader(_ key: String) -> ConfigurationReader? {
        var last: ConfigurationReader?
        for index in layers.indices { last = layers[index].reader(key) ?? last }
        return last
    }

    /// Reports the keys that nobody asked for.
    package func finish() {
        for layer in layers { layer.refuseUnknownKeys() }
    }
}

/// Collects an entry and its ancestors, each once.
private struct Lineage {
    let defaults: [String: ConfigurationValue]
    let path: String
    let findings: Findings
    var layers: [ConfigurationReader.Object] = []
    private var seen: Set<String> = []

    init(defaults: [String: ConfigurationValue], path: String, findings: Findings) {
        self.defaults = defaults
        self.path = path
        self.findings = findings
    }

    mutating func add(_ value: ConfigurationValue, at path: String, descendants: [String]) {
        let reader = ConfigurationReader(value, path: path, field: "", depth: 0, findings)
        guard case .object(let values) = value else { return reader.refuse("is not an object") }
        var layer = ConfigurationReader.Object(reader, values)
        if let parents = layer.reader("inherit"), !parents.isNull {
            let names =
                if case .array = parents.value { parents.elements() ?? [] } else { [parents] }
            for name in names { add(parent: name, descendants) }
        }
        layers.append(layer)
    }

    private mutating func add(parent reader: ConfigurationReader, _ descendants: [String]) {
        guard case .string(let name) = reader.value else { return reader.refuse("is not the name of a default") }
        if descendants.contains(name) {
            let circle = (descendants.drop { $0 != name } + [name]).map(\.pathStep).joined(separator: ", ")
            return reader.refuse("inherits from itself: \(circle)")
        }
        guard let value = defaults[name] else {
            let question = NearMiss.question(for: name, among: defaults.keys)
            return reader.refuse("is the name of no default\(question)")
        }
        guard descendants.count < DocumentEntry.maximumGenerations else {
            return reader.refuse("is more than \(DocumentEntry.maximumGenerations) generations away")
        }
        guard seen.insert(name).inserted else { return }
        add(value, at: path.step(name), descendants: descendants + [name])
    }
}
