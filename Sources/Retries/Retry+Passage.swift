public import ResilienceCore
internal import Synchronization

/// The synchronous way through a retry: it has something to do only after a failure, unless it has a budget or a limit.
extension Retry {
    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        isPlain.load(ordering: .relaxed) && !Task.isCancelled ? 1 : 0
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) { succeeded(attempts: 1) }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    @inlinable
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        // Not the end of the call before it is clear whether there is another attempt.
        entered == 1 ? 0 : .left
    }

    /// Goes on with a call, nested.
    @_documentation(visibility: internal)
    public nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        guard let error else { return try await execute(context, next) }
        try await retry(after: error, .plain, context, next)
    }
}
