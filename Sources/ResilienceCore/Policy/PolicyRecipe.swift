/// How to make policies of some layers: what a family, a registration and a module's options keep of theirs.
///
/// Formed where the types of the layers are known, in the code that writes them down, so that the way of a call through
/// them is specialised. Made elsewhere, the same layers cost a third more: each step asks for the layer's type.
@usableFromInline
package struct PolicyRecipe: Sendable {
    @usableFromInline let make: @Sendable (PolicyEnvironment) throws(ConfigurationError) -> Policy

    /// The recipe for a policy of these layers.
    @inlinable
    package init<S: Strategy>(_ layer: Layer<S>) {
        make = { environment throws(ConfigurationError) in try Policy(environment: environment, layer: layer) }
    }

    /// Makes a policy.
    ///
    /// - Throws: The faults of all layers; or that there are none.
    package func policy(in environment: PolicyEnvironment) throws(ConfigurationError) -> Policy {
        try make(environment)
    }
}
