/// The synchronous way through a policy: one layer to what is around it, which keeps what its own layers remember.
extension Policy {
    /// What a policy remembers of a call, before what its layers do.
    struct Entry: BitwiseCopyable {
        /// When the call started; the lowest number if it need not be known.
        var start: Int64
        /// The layers that were entered, or the one that goes on.
        var position: Int32
        var isObserved: Bool

        static let size = 16
        static let untimed = Int64.min
    }

    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    public var _size: Int { core.size }

    /// Whether the context is the same inside.
    @_documentation(visibility: internal)
    public var _isTransparent: Bool { false }

    /// What the rules that were declared make of a value.
    @_documentation(visibility: internal)
    @inlinable
    public func _failure<Value>(of value: Value) -> (any Error)? {
        core.scope.acceptances == nil ? nil : core.scope.failure(of: value)
    }

    /// Nested, its rules for values are not known on this way; outermost, `execute` asks for them.
    private func isOnTheWay(at offset: Int) -> Bool {
        offset <= core.lastOffset && (offset == 0 || core.scope.acceptances == nil)
    }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let core = core
        guard isOnTheWay(at: offset) else { return 0 }
        let isObserved = isObserved
        let start = isObserved ? started?.nanoseconds ?? Entry.untimed : Entry.untimed
        let entered = core.layers.enter(&passage, offset &+ Entry.size, &refusal)
        let entry = Entry(start: start, position: Int32(truncatingIfNeeded: entered), isObserved: isObserved)
        passage.store(entry, at: offset)
        return entered == core.layers.depth ? 1 : 0
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) {
        let core = core
        core.layers.leave(&passage, offset &+ Entry.size)
        let entry = passage.load(Entry.self, at: offset)
        if entry.isObserved { ended(entry, nil, nil) }
    }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        guard isOnTheWay(at: offset) else { return .left }
        let core = core
        var entry = passage.load(Entry.self, at: offset)
        let context = enteredContext(from: context)
        let position = core.layers.fail(&passage, offset &+ Entry.size, Int(entry.position), &error, context)
        guard position == .left else {
            entry.position = Int32(truncatingIfNeeded: position)
            passage.store(entry, at: offset)
            return 0
        }
        if entry.isObserved { ended(entry, error, context) }
        return .left
    }

    /// Goes on with a call, nested.
    @_documentation(visibility: internal)
    public nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        guard isOnTheWay(at: offset) else { return try await execute(context, next) }
        let core = core
        let entry = passage.load(Entry.self, at: offset)
        let context = enteredContext(from: context)
        do {
            try await core.layers.resume(
                &passage, offset &+ Entry.size, Int(entry.position), error, context, next)
        } catch {
            if entry.isObserved { ended(entry, error, context) }
            throw error
        }
        if entry.isObserved { ended(entry, nil, nil) }
    }

    /// The context inside.
    @_documentation(visibility: internal)
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        let context = enteredContext(from: context)
        guard !core.layers.isTransparent else { return context }
        return core.layers.inside(&passage, offset &+ Entry.size, context)
    }

    /// What there is to tell of the call.
    @_documentation(visibility: internal)
    public func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        guard isOnTheWay(at: offset) else { return }
        let position = Int(passage.load(Entry.self, at: offset).position)
        core.layers.describe(&passage, offset &+ Entry.size, position, isRefused, &reports)
    }

    @inline(never)
    private func ended(_ entry: Entry, _ error: (any Error)?, _ context: Context?) {
        let start = entry.start == Entry.untimed ? nil : TimeSource.Instant(nanoseconds: entry.start)
        ended(start, error, context)
    }
}

/// The synchronous way through the layers alone, for what stands in their place in a policy made from this one.
extension Policy {
    package var layersDepth: Int { core.layers.depth }

    package var layersSize: Int { core.layers.size }

    package var layersAreTransparent: Bool { core.layers.isTransparent }

    package func enterLayers(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        core.layers.enter(&passage, offset, &refusal)
    }

    package func leaveLayers(_ passage: inout Passage, at offset: Int) {
        core.layers.leave(&passage, offset)
    }

    package func failLayers(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        core.layers.fail(&passage, offset, entered, &error, context)
    }

    package nonisolated(nonsending) func resumeLayers(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await core.layers.resume(&passage, offset, position, error, context, next)
    }

    package func insideLayers(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        core.layers.inside(&passage, offset, context)
    }

    package func describeLayers(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        core.layers.describe(&passage, offset, entered, isRefused, &reports)
    }
}
