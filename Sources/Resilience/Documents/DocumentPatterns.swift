internal import ResilienceCore

/// The patterns as configuration documents know them.
enum DocumentPatterns {
    /// The patterns that a document alone can describe.
    static let described = KnownPattern.types.compactMap { $0 as? any Pattern.Type }

    /// The patterns that need code, because it alone knows their types, or a policy to go around.
    static let declared = KnownPattern.types.filter { !($0 is any Pattern.Type) }

    /// The keys of what can be a layer: also of what code alone can declare, and a document changes.
    static let layerKeys = KnownPattern.types.filter { $0 is any LayerTunable.Type }.map { $0.documentKey }.sorted()

    /// The patterns that a document can put into a policy.
    static let layersByKey = Dictionary(
        uniqueKeysWithValues: KnownPattern.types.compactMap { $0 as? any LayerPattern.Type }
            .map { ($0.documentKey, $0) })

    /// The patterns that a document can put into a policy if they are registered for themselves.
    static let sharedByKey = Dictionary(
        uniqueKeysWithValues: KnownPattern.types.filter { $0 is any LayerTunable.Type && $0 is any Strategy.Type }
            .map { ($0.documentKey, $0) })

    /// All keys that a template may hold.
    static let keys = KnownPattern.types.map { $0.documentKey }.sorted()

    /// All keys that the defaults may hold: for anything else they would have no effect.
    static let defaultKeys = KnownPattern.types.filter { $0.takesDefaults }.map { $0.documentKey }.sorted()

    /// Notes what is wrong with the form of a part.
    static func checkForm(_ key: String, _ reader: ConfigurationReader) {
        KnownPattern.types.first { $0.documentKey == key }?.checkForm(reader)
    }
}
