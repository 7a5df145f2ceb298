public import ResilienceCore
internal import Synchronization

/// The synchronous way through a retry: it has something to do only after a failure, unless it has a budget, which is
/// told of the call and of its success, or a limit.
extension Retry {
    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let beginning = beginning.load(ordering: .relaxed)
        guard beginning != .timed, !Task.isCancelled else { return 0 }
        return beginning == .plain || deposits(&passage) ? 1 : 0
    }

    /// Tells the budget of a call, unless a layer further out may have told it: then the context has to be asked, which
    /// is not here.
    @inline(never)
    private func deposits(_ passage: inout Passage) -> Bool {
        guard !passage.hasBudget else { return false }
        // Without one, the budget has gone since its presence was noted.
        if let mark = currentSettings.mark, !mark.depositsWithoutContext() { return false }
        passage.hasBudget = true
        return true
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) {
        if beginning.load(ordering: .relaxed) != .plain { recordSuccess() }
        succeeded(attempts: 1)
    }

    @inline(never)
    private func recordSuccess() { currentSettings.mark?.budget.recordSuccess(ofRetry: false) }

    /// The context inside: it says that the budget knows of the call.
    @_documentation(visibility: internal)
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        beginning.load(ordering: .relaxed) == .plain ? context : currentSettings.mark?.setting(in: context) ?? context
    }

    /// Whether the context is the same inside: not if there is a budget, which a change of the configuration may bring.
    @_documentation(visibility: internal)
    @inlinable public var _isTransparent: Bool { false }

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
