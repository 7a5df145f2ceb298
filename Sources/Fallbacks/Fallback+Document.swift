public import ResilienceCore

/// Of a fallback, a document can say the numbers of its steps, by their names, and ``exhaustion``. The steps themselves
/// and their ``handles`` are code: a document is read onto the configuration that code declares.
extension KeyedFallback.Configuration: DocumentRepresentable {
    /// `fallback`
    public static var documentKey: String { "fallback" }

    /// No steps at all, so that nothing can be decoded from a document alone.
    public static var documentBase: Self { Self {} }

    /// Takes what the document holds.
    public mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            if let reader = object.reader("steps") { readSteps(reader) }
            object.read("exhaustion", &exhaustion)
        }
    }

    private mutating func readSteps(_ reader: ConfigurationReader) {
        reader.object { object in
            steps = .init(
                steps.elements.enumerated().map { index, step in
                    guard let reader = object.reader(step.name) else { return step }
                    return step.reading(reader.checked(as: "steps[\(index)]"))
                })
        }
    }

    /// What a document can say about this configuration. A step without numbers is left out.
    public func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        var documents: [String: ConfigurationValue] = [:]
        for step in steps.elements { documents[step.name] = step.document }
        return ["steps": .object(documents), "exhaustion": .word(exhaustion)]
    }
}

extension KeyedFallback.Step {
    /// The same step with the numbers that the document holds.
    func reading(_ reader: ConfigurationReader) -> Self {
        var read = self
        reader.object { object in
            switch source {
            case .value: break
            case .lastGood(var maxAge, var maxKeys):
                object.read("maxAge", &maxAge)
                object.read("maxKeys", &maxKeys)
                read.source = .lastGood(maxAge: maxAge, maxKeys: maxKeys)
            case .action:
                if let reader = object.reader("limit") {
                    if reader.isNull { read.limit = nil } else { read.limit = reader.integer() ?? limit }
                }
                object.read("timeout", &read.timeout)
            }
        }
        return read
    }

    /// What ``reading(_:)`` takes of any step, for which names are known only where there is one.
    package static var schema: ConfigurationValue {
        let count: ConfigurationValue = ["type": "integer", "minimum": 1]
        let duration = DocumentSchema.duration
        return [
            "type": "object", "additionalProperties": false,
            "properties": [
                "maxAge": duration, "maxKeys": count, "limit": ["anyOf": [count, ["type": "null"]]],
                "timeout": ["anyOf": [duration, ["type": "null"]]],
            ],
        ]
    }

    /// `nil` for a step without numbers.
    var document: ConfigurationValue? {
        switch source {
        case .value: nil
        case .lastGood(let maxAge, let maxKeys): ["maxAge": .duration(maxAge), "maxKeys": .integer(maxKeys)]
        case .action: ["limit": limit.map { .integer($0) } ?? .null, "timeout": .duration(timeout)]
        }
    }
}
