internal import Fallbacks
internal import Hedges
internal import RateLimiters
public import ResilienceCore

extension ResilienceModule {
    /// What configuration documents of modules may hold, as JSON Schema (draft 2020-12), for editors and for checks before a
    /// document is delivered.
    ///
    /// Derived from what the patterns read. A document that it admits can still be refused, for what hangs together
    /// (`initial` above `maximum`) or for names that are not registered; one that it does not admit is refused. Of
    /// ``ResilienceCore/ConfigurationValue/prettyDescription`` it is a file.
    public static let documentSchema: ConfigurationValue = DocumentPatterns.schema
}

extension DocumentPatterns {
    fileprivate static let schema: ConfigurationValue = {
        var parts: [String: ConfigurationValue] = [:]
        for pattern in all { parts[pattern.documentKey] = pattern.schema }
        parts[Hedge.Configuration.documentKey] = DocumentSchema.schema(onto: Hedge.Configuration.documentBase)
        parts[RateLimiter.KeyedConfiguration.documentKey] = DocumentSchema.schema(
            onto: RateLimiter.KeyedConfiguration(rule: .tokenBucket(1, per: .seconds(1))), isStandard: false)
        parts[StaleWhileRevalidateConfiguration.documentKey] = DocumentSchema.schema(
            onto: StaleWhileRevalidateConfiguration(freshFor: .zero, staleFor: .seconds(1)), isStandard: false)
        parts[KeyedFallback<NoKey, Never>.Configuration.documentKey] = fallbackSchema

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
        var sections: [String: ConfigurationValue] = [
            "defaults": [
                "type": "object", "additionalProperties": false,
                "properties": .object(Dictionary(uniqueKeysWithValues: defaultKeys.map { ($0, reference($0)) })),
            ],
            "templates": map(layered(keys, layers: reference("layers"))),
            "policies": map(layered(layerKeys, layers: reference("layers"))),
            "families": map(layered(layerKeys, layers: nil)),
        ]
        for pattern in all {
            if let section = pattern.kind.section { sections[section] = map(named(parts[pattern.documentKey] ?? [:])) }
        }
        for form in tunables {
            if let section = form.kind.section { sections[section] = map(named(parts[form.key] ?? [:])) }
        }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Configuration of a resilience module",
            "type": "object", "properties": .object(sections), "additionalProperties": false,
            "$defs": .object(definitions),
        ]
    }()

    /// By hand: which steps there are shows only where the configuration is used.
    private static let fallbackSchema: ConfigurationValue = {
        let duration = DocumentSchema.duration
        let count: ConfigurationValue = ["type": "integer", "minimum": 1]
        return [
            "type": "object", "additionalProperties": false,
            "properties": [
                "exhaustion": ["enum": ["originalError", "exhaustedError"]],
                "steps": [
                    "type": "object",
                    "additionalProperties": [
                        "type": "object", "additionalProperties": false,
                        "properties": [
                            "maxAge": duration, "capacity": count, "limit": ["anyOf": [count, ["type": "null"]]],
                            "timeout": ["anyOf": [duration, ["type": "null"]]],
                        ],
                    ],
                ],
            ],
        ]
    }()
}

extension Pattern {
    fileprivate static var schema: ConfigurationValue {
        // Without defaults of its own, what a part is read onto to check its form has values that work.
        let base = hasDefaults ? Settings.documentBase : formBases.last ?? Settings.documentBase
        return DocumentSchema.schema(onto: base, isStandard: hasDefaults)
    }
}
