public import ResilienceCore

extension Pause {
    /// Lets a call in if there is no pause; otherwise it has to wait.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        leftForCall() == nil ? 1 : 0
    }

    /// Looks whether the service asks to wait.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        if entered == 1 { note(error) }
        return .left
    }
}
