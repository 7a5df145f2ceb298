package import ResilienceCore

/// How many keys a family holds, and for how long, as documents can say it.
struct FamilyBounds: DocumentRepresentable, Sendable, Equatable {
    var maxKeys: Int
    var idleLimit: Duration

    /// The keys in the family's part of a document.
    static let keys: Set = ["maxKeys", "idleLimit"]

    static var documentKey: String { "family" }
    static var documentBase: Self { Self(maxKeys: 1, idleLimit: .seconds(600)) }

    func check(_ check: inout ConfigurationCheck) {
        check.require("maxKeys", maxKeys, in: 1...1_000_000)
        check.require(positive: "idleLimit", idleLimit)
    }

    func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("family")
        self.check(&check)
        try check.finish()
    }

    mutating func read(_ reader: ConfigurationReader) {
        reader.object { object in
            object.read("maxKeys", &maxKeys)
            object.read("idleLimit", &idleLimit)
        }
    }

    func document(in environment: DocumentEnvironment) -> ConfigurationValue {
        ["maxKeys": .integer(maxKeys), "idleLimit": .duration(idleLimit)]
    }
}

/// What may not be said at once in a document: of the layers of a family, and of others that hang together with them.
///
/// - Parameters:
///   - name: Under which the family is registered.
///   - layers: The settings of the layers that documents know, outermost first.
///   - other: The settings of something that is registered for itself; `nil` if it is not, or has faults.
/// - Returns: The faults, with whole paths.
package typealias FamilyRelation =
    @Sendable (
        _ name: String, _ layers: [any Sendable], _ other: (AnyObject) -> (any Sendable)?
    ) -> [ConfigurationError.Fault]

extension PolicyFamily {
    /// Has documents refused that contradict themselves in what this says.
    package func setRelation(_ relation: @escaping FamilyRelation) {
        settings.withLock { $0.relation = relation }
    }
}
