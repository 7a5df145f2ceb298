public import ResilienceCore

/// The synchronous way through a bulkhead: in if a slot is free, out with the slot given back.
extension Bulkhead {
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 24 }

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
            if !admission.isGranted { admission = admitUnderLock(partition) }
            guard admission.isGranted else { return 0 }
            passage.store(admission, at: offset)
            return 1
        } catch {
            refusal = error
            return 0
        }
    }

    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) {
        succeeded(passage.load(Admission.self, at: offset))
    }

    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        if entered == 1 { failed(passage.load(Admission.self, at: offset), error, context) }
        return .left
    }
}

extension Bulkhead.Partition {
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 24 }

    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        bulkhead.enter(&passage, at: offset, name, &refusal)
    }

    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) { bulkhead._leave(&passage, at: offset) }

    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        bulkhead._fail(&passage, at: offset, entered: entered, &error, context)
    }
}
