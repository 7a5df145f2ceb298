extension TaskLocal where Value: Sendable {
    /// Runs the rest of a call with a value that the tasks within see, on the caller's actor.
    ///
    /// `withValue` runs a closure off the actor unless the closure captures an isolated parameter. Besides, Swift 6.3
    /// drops the hop to that parameter's actor where nothing opaque comes before what is awaited, and leaves the actor
    /// with an error that is thrown across; so it is returned.
    ///
    /// - Parameters:
    ///   - isolation: The caller's: `#isolation`.
    /// - Returns: What `body` throws.
    @inlinable
    package func binding(
        _ value: Value, _ isolation: isolated (any Actor)?, _ body: nonisolated(nonsending) () async throws -> Void
    ) async -> (any Error)? {
        pinIsolation()
        let error: (any Error)? = await withValue(value) {
            _ = isolation
            pinIsolation()
            do {
                try await body()
                return nil
            } catch {
                return error
            }
        }
        pinIsolation()
        return error
    }
}

/// Something that the compiler cannot see through.
@inline(never)
@usableFromInline
package func pinIsolation() {
    withUnsafeCurrentTask { _ in }
}
