public import ResilienceCore

extension ResilienceModule {
    /// What configuration documents of modules may hold, as JSON Schema (draft 2020-12), for editors and for checks
    /// before a document is delivered.
    ///
    /// Derived from what the patterns read. A document that it admits can still be refused, for values that do not fit
    /// together (`initial` above `maximum`) or for names that are not registered; one that it does not admit is
    /// refused. Of ``/ResilienceCore/ConfigurationValue/prettyDescription`` it is a file.
    public static let documentSchema: ConfigurationValue = DocumentPatterns.schema
}

extension DocumentPatterns {
    fileprivate static let schema: ConfigurationValue = {
        var parts: [String: ConfigurationValue] = [:]
        for pattern in KnownPattern.types { parts[pattern.documentKey] = pattern.schema }

        let names: ConfigurationValue = [
            "anyOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]
        ]
        var definitions = parts
        func named(_ part: ConfigurationValue) -> ConfigurationValue {
            guard case .object(let properties)? = part["properties"] else { return part }
            return part.adding("properties", .object(properties.merging(["inherits": names]) { $1 }))
        }
        func reference(_ key: String) -> ConfigurationValue { ["$ref": .string("#/$defs/\(key)")] }
        func map(_ value: ConfigurationValue) -> ConfigurationValue {
            ["type": "object", "additionalProperties": value]
        }
        func layered(_ keys: [String], layers: ConfigurationValue?) -> ConfigurationValue {
            var properties: [String: ConfigurationValue] = ["inherits": names]
            properties["layers"] = layers
            for key in keys {
                let part = reference(key)
                properties[key] = ["anyOf": [part, ["type": "array", "items": ["anyOf": [part, ["type": "null"]]]]]]
            }
            return ["type": "object", "properties": .object(properties), "additionalProperties": false]
        }
        var layer: [String: ConfigurationValue] = [:]
        let shared: ConfigurationValue = [
            "type": "object", "properties": ["shared": ["type": "string"]], "required": ["shared"],
            "additionalProperties": false,
        ]
        for key in layerKeys { layer[key] = ["anyOf": [reference(key), shared]] }
        definitions["layers"] = [
            "type": "array", "minItems": 1,
            "items": [
                "anyOf": [
                    ["enum": .array(layerKeys.map { .string($0) })],
                    [
                        "type": "object", "properties": .object(layer), "minProperties": 1, "maxProperties": 1,
                        "additionalProperties": false,
                    ],
                ]
            ],
        ]
        let familyBounds = DocumentSchema.schema(onto: FamilyBounds.documentBase, isStandard: false)
        var sections: [String: ConfigurationValue] = [
            "defaults": [
                "type": "object", "additionalProperties": false,
                "properties": .object(Dictionary(uniqueKeysWithValues: defaultKeys.map { ($0, reference($0)) })),
            ],
            "templates": map(layered(keys, layers: reference("layers"))),
            "policies": map(layered(layerKeys, layers: reference("layers"))),
            "families": map(layered(layerKeys, layers: nil).addingProperties(of: familyBounds)),
        ]
        for pattern in KnownPattern.types {
            if let section = pattern.kind.section { sections[section] = map(named(parts[pattern.documentKey] ?? [:])) }
        }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Configuration of a resilience module",
            "type": "object", "properties": .object(sections), "additionalProperties": false,
            "$defs": .object(definitions),
        ]
    }()
}

extension ConfigurationValue {
    /// A schema of an object that may have the properties of another, too.
    fileprivate func addingProperties(of other: ConfigurationValue) -> ConfigurationValue {
        guard case .object(let own)? = self["properties"], case .object(let new)? = other["properties"] else {
            return self
        }
        return adding("properties", .object(own.merging(new) { own, _ in own }))
    }
}
