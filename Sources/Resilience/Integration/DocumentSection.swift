package import ResilienceCore

/// Where documents configure a pattern, for sources that have to be asked for each key.
package struct DocumentSection: Sendable {
    /// The section of those that are registered for themselves: `circuitBreakers`.
    package let name: String

    /// The key in policies, templates and defaults: `circuitBreaker`.
    package let key: String

    /// What is asked for there; `nil` if that is not known before there is one.
    package let outline: DocumentOutline?

    /// The sections of all patterns.
    package static let all = KnownPattern.types.compactMap { pattern in
        pattern.kind.section.map { DocumentSection(name: $0, key: pattern.documentKey, outline: pattern.outline) }
    }
}

/// Where documents configure what is made of layers: the keys of all patterns may stand there.
package struct LayeredSection: Sendable {
    /// `policies`
    package let name: String

    /// Whether it is the one of policies, which a source may be asked for before there are any.
    package let isOfPolicies: Bool

    /// What is asked for there besides the layers; `nil`: nothing.
    package let bounds: DocumentOutline?

    /// The sections of policies and of families.
    package static let all = Kind.layered.compactMap { kind in
        kind.section.map {
            LayeredSection(
                name: $0, isOfPolicies: kind == .policy,
                bounds: kind == .family ? DocumentOutline(of: FamilyBounds.self) : nil)
        }
    }
}
