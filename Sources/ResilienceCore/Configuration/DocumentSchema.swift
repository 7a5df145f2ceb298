/// What a configuration takes in a document, as JSON Schema (draft 2020-12).
///
/// Found as `DocumentOutline` finds the keys: by having the configuration read documents of all forms, and noting
/// what it asks for. So it says what the reader does, and there is no second list of fields. Ranges are found by asking
/// the configuration's own check; defaults are in its own document.
package enum DocumentSchema {
    /// A value of a form, at a place.
    private struct Place {
        let path: String
        /// A document with a value there.
        let wrap: (ConfigurationValue) -> ConfigurationValue
        /// One with a value in the place of what the key stands in; `nil` for the whole, and for elements.
        let wrapParent: ((ConfigurationValue) -> ConfigurationValue)?
        let depth: Int
    }

    /// Configurations that hold others of their kind would go on without end.
    private static let maxDepth = 6
    private static let anyKey = "anyName"

    private static let probes: [ConfigurationValue] = [
        nil, true, 1, "", [""], [[:]], [:], .object([anyKey: ""]),
    ]

    /// The schema of a type of configurations.
    ///
    /// - Parameters:
    ///   - base: What documents are read onto; has to be in order, so that ranges are found.
    ///   - isStandard: Whether its values are the defaults.
    package static func schema<Part: DocumentRepresentable>(
        onto base: Part, isStandard: Bool = true
    ) -> ConfigurationValue {
        let notes = SchemaNotes()
        func read(_ document: ConfigurationValue) {
            let findings = Findings(DocumentEnvironment())
            findings.notes = notes
            var part = base
            part.read(ConfigurationReader(document: document, findings))
        }
        var queue = [Place(path: "", wrap: { $0 }, wrapParent: nil, depth: 0)]
        var known: Set<String> = [""]
        var wraps: [String: (ConfigurationValue) -> ConfigurationValue] = [:]
        func enqueueChildren(of place: Place, beside siblings: [String: ConfigurationValue] = [:]) {
            guard place.depth < maxDepth else { return }
            for key in notes.places[place.path]?.keys ?? [] {
                let path = place.path.step(key)
                guard known.insert(path).inserted else { continue }
                queue.append(
                    Place(
                        path: path, wrap: { place.wrap(.object(siblings.merging([key: $0]) { $1 })) },
                        wrapParent: place.wrap, depth: place.depth + 1))
            }
            let item = "\(place.path)[0]"
            if notes.places[place.path]?.forms.contains(.list) == true, known.insert(item).inserted {
                queue.append(
                    Place(path: item, wrap: { place.wrap([$0]) }, wrapParent: nil, depth: place.depth + 1))
            }
        }
        var next = 0
        while next < queue.count {
            let place = queue[next]
            next += 1
            wraps[place.path] = place.wrap
            for probe in probes { read(place.wrap(probe)) }
            enqueueChildren(of: place)
            // What else there is depends on the kind.
            guard place.path.hasSuffix("kind"), let wrapParent = place.wrapParent else { continue }
            let parent = Place(
                path: String(place.path.dropLast(place.path == "kind" ? 4 : 5)), wrap: wrapParent, wrapParent: nil,
                depth: place.depth - 1)
            for word in notes.places[place.path]?.words ?? [] {
                read(wrapParent(["kind": .string(word)]))
                enqueueChildren(of: parent, beside: ["kind": .string(word)])
            }
        }
        let schema = value(at: "", notes) { path, number in
            guard let wrap = wraps[path] else { return false }
            return (try? Part(wrap(number), onto: base)) != nil
        }
        return isStandard ? schema.adding(defaults: base.document) : schema
    }

    private static func value(
        at path: String, _ notes: SchemaNotes, _ isValid: (String, ConfigurationValue) -> Bool
    ) -> ConfigurationValue {
        guard let place = notes.places[path] else { return [:] }
        var choices: [ConfigurationValue] = []
        if !place.words.isEmpty { choices.append(["enum": .array(place.words.map { .string($0) })]) }
        if place.forms.contains(.text) { choices.append(["type": "string"]) }
        if place.forms.contains(.duration) { choices.append(duration) }
        if place.forms.contains(.boolean) { choices.append(["type": "boolean"]) }
        if place.forms.contains(.number) {
            choices.append(number(["type": "number"]) { isValid(path, $0) })
        } else if place.forms.contains(.integer) {
            choices.append(integer(["type": "integer"]) { isValid(path, $0) })
        }
        if place.forms.contains(.list) {
            choices.append(["type": "array", "items": value(at: "\(path)[0]", notes, isValid)])
        }
        if place.forms.contains(.object) {
            var properties: [String: ConfigurationValue] = [:]
            for key in place.keys where key != anyKey { properties[key] = value(at: path.step(key), notes, isValid) }
            let isMap = place.keys.contains(anyKey)
            choices.append([
                "type": "object", "properties": .object(properties),
                "additionalProperties": isMap ? value(at: path.step(anyKey), notes, isValid) : false,
            ])
        }
        if place.forms.contains(.null) { choices.append(["type": "null"]) }
        return choices.count == 1 ? choices[0] : choices.isEmpty ? [:] : ["anyOf": .array(choices)]
    }

    /// As `Duration` reads them from documents; nothing in a configuration is negative.
    private static let durationPattern =
        "^(?=.)([0-9]+(\\.[0-9]+)?d)?([0-9]+(\\.[0-9]+)?h)?([0-9]+(\\.[0-9]+)?m)?([0-9]+(\\.[0-9]+)?s)?"
        + "([0-9]+(\\.[0-9]+)?ms)?([0-9]+(\\.[0-9]+)?(us|µs|μs))?([0-9]+(\\.[0-9]+)?ns)?$"

    /// A duration.
    package static let duration: ConfigurationValue = ["type": "string", "pattern": .string(durationPattern)]

    private static func integer(
        _ schema: ConfigurationValue, _ isValid: (ConfigurationValue) -> Bool
    ) -> ConfigurationValue {
        guard [1, 2, 20, 100].contains(where: { isValid(.integer($0)) }), !isValid(-1) else { return schema }
        return schema.adding("minimum", isValid(0) ? 0 : 1)
    }

    private static func number(
        _ schema: ConfigurationValue, _ isValid: (ConfigurationValue) -> Bool
    ) -> ConfigurationValue {
        guard [0.5, 0.9, 1, 2, 10].contains(where: { isValid(.number($0)) }) else { return schema }
        var schema = schema
        if !isValid(-0.5) { schema = schema.adding(isValid(0) ? "minimum" : "exclusiveMinimum", 0) }
        if isValid(0.5), !isValid(1.000001), !isValid(2) {
            schema = schema.adding(isValid(1) ? "maximum" : "exclusiveMaximum", 1)
        }
        return schema
    }
}

/// Notes what is asked for in documents, and what is taken there.
final class SchemaNotes {
    enum Form: Hashable {
        case integer
        case number
        case boolean
        case text
        case duration
        case list
        case object
        case null
    }

    struct Place {
        var forms: Set<Form> = []
        var words: [String] = []
        var keys: [String] = []
    }

    private(set) var places: [String: Place] = [:]

    func ask(for key: String, in path: String) {
        if !places[path, default: Place()].keys.contains(key) { places[path, default: Place()].keys.append(key) }
    }

    func note(_ form: Form, at path: String) { places[path, default: Place()].forms.insert(form) }

    func note(words: [String], at path: String) {
        for word in words where !places[path, default: Place()].words.contains(word) {
            places[path, default: Place()].words.append(word)
        }
    }
}

extension ConfigurationValue {
    /// The same object with one value more, or another.
    package func adding(_ key: String, _ value: ConfigurationValue) -> ConfigurationValue {
        guard case .object(var values) = self else { return self }
        values[key] = value
        return .object(values)
    }

    /// The same schema with the defaults that a document holds.
    fileprivate func adding(defaults: ConfigurationValue) -> ConfigurationValue {
        guard case .object(let values) = defaults else {
            return defaults == .null ? self : adding("default", defaults)
        }
        guard case .object(let properties)? = self["properties"] else { return adding("default", defaults) }
        return adding(
            "properties",
            .object(
                Dictionary(
                    uniqueKeysWithValues: properties.map { key, schema in
                        (key, values[key].map { schema.adding(defaults: $0) } ?? schema)
                    })))
    }
}
