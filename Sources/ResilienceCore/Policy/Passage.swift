/// What the layers of one call remember of it between entering and leaving: a few words each, in the call's own frame.
///
/// See "The way of a call" in the guide to the architecture.
@_documentation(visibility: internal)
@frozen
public struct Passage: BitwiseCopyable, Sendable {
    @usableFromInline
    typealias Words = (
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
    )

    @usableFromInline
    var words: Words = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    /// Whether the call has passed the gate of the policy it began with; until that has been entered, because a gate
    /// further inside is another.
    @usableFromInline
    package var isAdmitted: Bool

    /// Whether a layer has told its budget of the call: one further inside has to ask the context whether it has the
    /// same budget.
    @usableFromInline package var hasBudget = false

    @inlinable
    init(isAdmitted: Bool = false) { self.isAdmitted = isAdmitted }

    /// How many bytes there are.
    @inlinable package static var capacity: Int { MemoryLayout<Words>.size }

    /// What a layer has stored at its place.
    @inlinable
    package mutating func load<State: BitwiseCopyable>(_ type: State.Type, at offset: Int) -> State {
        withUnsafeMutableBytes(of: &words) { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }

    /// Stores something at a layer's place.
    @inlinable
    package mutating func store<State: BitwiseCopyable>(_ state: State, at offset: Int) {
        withUnsafeMutableBytes(of: &words) { $0.storeBytes(of: state, toByteOffset: offset, as: State.self) }
    }
}

/// A strategy that nothing is known of but `execute`: it is not entered, and the call goes on nested in it.
extension Strategy {
    /// The number of layers.
    @_documentation(visibility: internal)
    @inlinable public var _depth: Int { 1 }

    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 0 }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    @inlinable
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int { 0 }

    /// Counts a success.
    @_documentation(visibility: internal)
    @inlinable
    public func _leave(_ passage: inout Passage, at offset: Int) {}

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    @inlinable
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int { .left }

    /// Goes on with a call, nested.
    @_documentation(visibility: internal)
    @inlinable
    public nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if let error { throw error }
        try await execute(context, next)
    }

    /// The context inside.
    @_documentation(visibility: internal)
    @inlinable
    public func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context { context }

    /// What there is to tell of the call.
    @_documentation(visibility: internal)
    @inlinable
    public func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {}

    /// Whether the context is the same inside.
    @_documentation(visibility: internal)
    @inlinable public var _isTransparent: Bool { true }

    /// What the rules that were declared make of a value.
    @_documentation(visibility: internal)
    @inlinable
    public func _failure<Value>(of value: Value) -> (any Error)? { nil }
}

extension Int {
    /// All layers have been left, and the error is the call's end.
    @inlinable package static var left: Int { -1 }
}
