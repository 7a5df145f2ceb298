public import ResilienceCore

/// The synchronous way through a bulkhead: in if a slot is free, out with the slot given back.
extension Bulkhead {
    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 24 }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        enter(&passage, at: offset, nil, &refusal)
    }

    @inline(__always)
    func enter(
        _ passage: inout Passage, at offset: Int, _ partition: String?, _ refusal: inout (any Error)?
    ) -> Int {
        do {
            var admission = try admitAtOnce()
            if !admission.isGranted { admission = admitByLock(partition) }
            guard admission.isGranted else { return 0 }
            passage.store(admission, at: offset)
            return 1
        } catch {
            refusal = error
            return 0
        }
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) {
        succeeded(passage.load(Admission.self, at: offset))
    }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        if entered == 1 { failed(passage.load(Admission.self, at: offset), error, context) }
        return .left
    }
}

extension Bulkhead.Partition {
    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 24 }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        bulkhead.enter(&passage, at: offset, name, &refusal)
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) { bulkhead._leave(&passage, at: offset) }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        bulkhead._fail(&passage, at: offset, entered: entered, &error, context)
    }
}
