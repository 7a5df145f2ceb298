package import ResilienceCore

/// Where documents configure a pattern, for sources that have to be asked for each key.
package struct DocumentSection: Sendable {
    /// The section of those that are registered for themselves: `circuitBreakers`.
    package let name: String

    /// The key in policies, templates and defaults: `circuitBreaker`.
    package let key: String

    /// What is asked for there; `nil` if that is not known before there is one.
    package let outline: DocumentOutline?

    /// What is asked for in the part of a family, in addition to its layers.
    package static let familyBounds = DocumentOutline(of: FamilyBounds.self)

    /// The sections of all patterns.
    package static let all = KnownPattern.types.compactMap { pattern in
        pattern.kind.section.map { DocumentSection(name: $0, key: pattern.documentKey, outline: pattern.outline) }
    }
}
