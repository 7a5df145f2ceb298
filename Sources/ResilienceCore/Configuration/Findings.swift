/// What reading a document has brought to light; shared by all readers of one document.
package final class Findings {
    struct Origin {
        let path: String
        /// The value as it stands there, if it is not a list or an object.
        let value: String?
    }

    /// What names stand for; a document may add to it while it is read.
    package var environment: DocumentEnvironment
    package private(set) var faults: [ConfigurationError.Fault] = []
    private var known: Set<ConfigurationError.Fault> = []
    private var noted = 0
    /// Where in the document each field of the configuration being read comes from.
    var origins: [String: Origin] = [:]
    /// The settings that the document comes to, by what they are for, to be held against each other in the end.
    package var planned: [ObjectIdentifier: any Sendable] = [:]
    /// Notes what is asked for, where that is of interest.
    var questions: DocumentQuestions?
    /// Notes what is taken where, for a schema.
    var notes: SchemaNotes?

    package init(_ environment: DocumentEnvironment) {
        self.environment = environment
    }

    /// Reads layers of a document onto a configuration, the later over the earlier, and checks the result.
    ///
    /// - Returns: Whether there was no fault. The configuration is changed only then.
    @discardableResult
    package func read<Part: DocumentRepresentable>(_ layers: [ConfigurationReader], onto value: inout Part) -> Bool {
        let outer = origins
        defer { origins = outer }
        origins = [:]
        let before = noted
        var read = value
        for layer in layers {
            read.read(ConfigurationReader(layer.value, path: layer.path, field: "", depth: layer.depth, self))
        }
        do throws(ConfigurationError) {
            try read.validate()
        } catch {
            for fault in error.faults { note(placed(fault.inside(Part.documentKey))) }
        }
        guard noted == before else { return false }
        value = read
        return true
    }

    /// Notes a fault. One of a place that several inherit from is reported once.
    package func note(_ fault: ConfigurationError.Fault) {
        noted += 1
        if known.insert(fault).inserted { faults.append(fault) }
    }

    /// A fault of the configuration's own check, at the place its value comes from.
    private func placed(_ fault: ConfigurationError.Fault) -> ConfigurationError.Fault {
        let exact = origins[fault.field]
        return ConfigurationError.Fault(
            field: exact?.path ?? path(fault.field), value: exact?.value ?? fault.value, violation: fault.violation)
    }

    /// The path of a field that the document does not hold: inside the innermost part that it does hold.
    private func path(_ field: String) -> String {
        var known = field[...]
        while let end = known.lastIndex(where: { $0 == "." || $0 == "[" }) {
            known = known[..<end]
            if let origin = origins[String(known)] { return origin.path + field[end...] }
        }
        let root = origins[""]?.path ?? ""
        return root.isEmpty ? field : field.isEmpty ? root : "\(root).\(field)"
    }

    package func finish() throws(ConfigurationError) {
        if let error = ConfigurationError(faults) { throw error }
    }
}

extension ConfigurationError.Fault {
    /// The fault of a configuration's check, without the name of the pattern in front.
    fileprivate func inside(_ name: String) -> ConfigurationError.Fault {
        let inner = field == name ? "" : field.hasPrefix(name + ".") ? String(field.dropFirst(name.count + 1)) : field
        return ConfigurationError.Fault(field: inner, value: value, violation: violation)
    }
}
