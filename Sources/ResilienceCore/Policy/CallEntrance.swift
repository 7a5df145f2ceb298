/// What a call passes as a whole, before the layers of a policy: the gate of a module.
///
/// A policy that stands behind one passes it by itself. What is more than a policy, a hedge or a fallback around one,
/// passes it once for all that belongs to the call, so that nothing of a call that was let in is refused or left behind.
@usableFromInline
package protocol CallEntrance: Sendable {
    /// Runs a call, if calls are let in.
    ///
    /// - Parameter name: The policy, for the error.
    /// - Throws: A rejection if no call is let in; otherwise what `body` throws.
    nonisolated(nonsending) func admit(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws
}

extension Strategy {
    /// What calls through this strategy pass as a whole; `nil` but for a policy of a module.
    @inlinable package var entrance: (any CallEntrance)? { (self as? Policy)?.callEntrance }
}

extension CallEntrance {
    /// Runs a call that returns something, if calls are let in.
    @inlinable
    package nonisolated(nonsending) func admitting<Value>(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var value: Value?
        try await admit(name) { value = try await body() }
        guard let value else { throw OperationNotRun(policyName: name) }
        return value
    }
}
