public import ResilienceCore

/// The synchronous way through a throttle: it never waits.
extension AdaptiveThrottle {
    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 8 }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        do {
            passage.store(try admit(), at: offset)
            return 1
        } catch {
            refusal = error
            // Nothing is entered; the refusal ends the call, or another layer goes on with it.
            return 0
        }
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) {
        record(.accepted, passage.load(TimeSource.Instant.self, at: offset))
    }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        if entered == 1 { failed(passage.load(TimeSource.Instant.self, at: offset), error, context) }
        return .left
    }
}
