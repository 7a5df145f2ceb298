/// What a call passes as a whole, before the layers of a policy: the gate of a module.
///
/// A policy that stands behind one passes it by itself. What is more than a policy, a hedge or a fallback around one,
/// passes it once for all that belongs to the call, so that nothing of a call that was let in is refused or left
/// behind.
@_documentation(visibility: internal)
public protocol CallEntrance: Sendable {
    /// Runs a call, if calls are let in.
    ///
    /// - Parameter name: The policy, for the error.
    /// - Throws: A rejection if no call is let in; otherwise what `body` throws.
    nonisolated(nonsending) func admit(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws

    /// Runs a call, if calls are let in.
    ///
    /// - Returns: Whether the call was let in; if not, `body` has not run.
    /// - Throws: What `body` throws.
    nonisolated(nonsending) func admitIfOpen(
        _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws -> Bool
}

extension Strategy {
    /// `nil` by default: only a policy of a module has one, or what wraps such a policy.
    @_documentation(visibility: internal)
    public var _entrance: (any CallEntrance)? { nil }

    /// Whether calls pass something as a whole.
    @_documentation(visibility: internal)
    @inlinable public var _isGuarded: Bool { _entrance != nil }

    /// `false` by default: only a policy of a module is.
    @_documentation(visibility: internal)
    @inlinable public var _isGated: Bool { false }

    /// What calls through this strategy pass as a whole.
    @inlinable package var entrance: (any CallEntrance)? { _entrance }
}

/// The entrances of two modules, of whose policies one call is made.
struct EntrancePair: CallEntrance {
    let first: any CallEntrance
    let second: any CallEntrance

    nonisolated(nonsending) func admit(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws {
        try await first.admit(name) { try await second.admit(name, body) }
    }

    nonisolated(nonsending) func admitIfOpen(
        _ body: nonisolated(nonsending) () async throws -> Void
    ) async throws -> Bool {
        var isAdmitted = false
        _ = try await first.admitIfOpen { isAdmitted = try await second.admitIfOpen(body) }
        return isAdmitted
    }

    /// What calls through several layers pass as a whole.
    static func joining(_ entrances: [(any CallEntrance)?]) -> (any CallEntrance)? {
        entrances.reduce(nil) { joined, next in
            guard let joined else { return next }
            return next.map { EntrancePair(first: joined, second: $0) } ?? joined
        }
    }
}

extension CallEntrance {
    /// Runs a call that returns something, if calls are let in.
    @inlinable
    package nonisolated(nonsending) func admitting<Value>(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var value: Value?
        try await admit(name) { value = try await body() }
        guard let value else { throw OperationNotRunError(policyName: name) }
        return value
    }
}
