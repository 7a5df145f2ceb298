/// Collects registrations written one under another.
@resultBuilder
public enum RegistrationBuilder {
    /// One registration.
    public static func buildExpression(_ registration: Registration) -> [Registration] { [registration] }

    /// Several, such as those of a function of your own.
    public static func buildExpression(_ registrations: [Registration]) -> [Registration] { registrations }

    /// All of them.
    public static func buildBlock(_ parts: [Registration]...) -> [Registration] { parts.flatMap(\.self) }

    /// The registrations under a condition.
    public static func buildOptional(_ part: [Registration]?) -> [Registration] { part ?? [] }

    /// The registrations of the first branch.
    public static func buildEither(first part: [Registration]) -> [Registration] { part }

    /// The registrations of the second branch.
    public static func buildEither(second part: [Registration]) -> [Registration] { part }

    /// The registrations of a loop.
    public static func buildArray(_ parts: [[Registration]]) -> [Registration] { parts.flatMap(\.self) }
}
